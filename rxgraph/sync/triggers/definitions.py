"""The one module that needs django-pgtrigger to be imported: triggers that anybody may fire.

Whoever writes a table may be another role with other rights and another ``search_path``. So the
functions run with the rights and the path of the role that installed them, temporary tables last:
they could stand for ours otherwise.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db import models
from pgtrigger import compiler

_AS_INSTALLER = """
DO $do$ BEGIN
  EXECUTE format(
    'ALTER FUNCTION {pgid}() SECURITY DEFINER SET search_path TO %s, pg_temp',
    (SELECT string_agg(quote_ident(name), ', ') FROM unnest(current_schemas(false)) AS name));
END $do$;
"""


class Sql(compiler.UpsertTriggerSql):
    """Makes the function run as who installed it."""

    def get_template(self) -> str:
        """Return pgtrigger's template and what comes after it."""
        return str(super().get_template()) + _AS_INSTALLER


class Capture(pgtrigger.Trigger):
    """A trigger of ours."""

    def compile(self, model: models.Model) -> compiler.Trigger:
        """Return it as pgtrigger installs it."""
        compiled: Any = super().compile(model)
        sql = compiled.sql
        names = ("pgid", "table", "func", "when", "operation")
        more = {name: value for name, value in sql.kwargs.items() if name not in names}
        return compiler.Trigger(
            name=compiled.name, sql=Sql(**{name: sql.kwargs[name] for name in names}, **more)
        )
