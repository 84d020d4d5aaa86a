"""The column by which an anchor's row says that it may be live (``Meta.optimize_anchors``).

True from before the cache is filled until it is COLD again. Only RxGraph writes it, by SQL of its
own: an instance that was loaded before cannot take the mark away when it is saved later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.sql.compiler import SQLUpdateCompiler

if TYPE_CHECKING:
    _BooleanField = models.BooleanField[bool | None, bool | None]
else:
    _BooleanField = models.BooleanField


class AnchorMark(_BooleanField):
    """``BooleanField(null=True, default=False, db_index=True)`` that no form or serializer shows.

    An UPDATE, by ``save`` or otherwise, leaves the column as it is. A row that is inserted under a
    key that may have been another's begins as True: the cache of that one may still be there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fixed = {"null": True, "default": False, "db_index": True}
        super().__init__(*args, **{**kwargs, **fixed, "editable": False, "serialize": False})

    def deconstruct(self) -> Any:
        """Return what a migration writes: what is always so goes without saying."""
        name, path, args, kwargs = super().deconstruct()
        for option in ("null", "default", "db_index", "editable", "serialize"):
            kwargs.pop(option, None)
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return what is inserted."""
        if add:
            setattr(model_instance, self.attname, model_instance.pk is not None)
        return super().pre_save(model_instance, add)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Return *value* as a parameter that takes a placeholder, NULL too."""
        return super().get_db_prep_save(False if value is None else value, connection)

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """Return the SQL of *value*; in an UPDATE, of what the column holds."""
        if not isinstance(compiler, SQLUpdateCompiler):
            return "%s"
        column = connection.ops.quote_name(self.column)
        return f"CASE WHEN %s THEN {column} ELSE {column} END"

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Return the same for Django 6.1 and later, which ask for the parameters as well."""
        sql, params = compiler.compile(value) if hasattr(value, "as_sql") else ("%s", (value,))
        return self.get_placeholder(value, compiler, connection).replace("%s", sql), params
