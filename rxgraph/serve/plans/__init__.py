"""Stand-in until the plans are merged."""

from __future__ import annotations

from dataclasses import replace
from inspect import isawaitable
from typing import Any

from rxgraph.serve.messages import encode_text

_S = "\ue000session\ue000"


class Unplanned(Exception):
    """The plan cannot express it."""


class Plan:
    holes: tuple[str, ...] = ()

    def __init__(self, executor: Any, name: str) -> None:
        self.executor, self.response_name = executor, name

    def _text(self, source: Any) -> str:
        result = self.executor.build_per_event_executor(source).execute_operation()
        if isawaitable(result):
            result.close()
            raise Unplanned
        if result.errors:
            raise Unplanned
        return encode_text(result.data[self.response_name])

    def parts(self, source: Any) -> tuple[str, ...]:
        return tuple(self._text(replace(source, session=_S)).split(f'"{_S}"'))

    def own(self, source: Any) -> tuple[str, ...]:
        return tuple(f'"{source.session}"' for _ in range(len(self.parts(source)) - 1))

    def text(self, source: Any) -> str:
        return self._text(source)


_plans: dict[Any, Plan] = {}


def note(executor: Any) -> None:
    context = executor.context_value
    scope = context.get("scope") if isinstance(context, dict) else None
    if scope is None or scope.live is None or scope.executor is not None:
        return
    scope.executor = executor
    fields = [n for n in executor.operation.selection_set.selections if n.kind == "field"]
    if len(fields) != 1 or "runtime" in executor.operation.loc.source.body:
        return
    name = (fields[0].alias or fields[0].name).value
    key = (id(executor.operation), name, repr(executor.variable_values.coerced))
    if key not in _plans:
        _plans[key] = Plan(executor, name)
    scope.plan = _plans[key]
