"""Run an event of a subscription without its plan, when its executor has long been given up."""

from __future__ import annotations

from typing import Any

from graphql import ExecutionResult


class Origin:
    """How to execute an operation that has a plan; the same for all who send it."""

    __slots__ = ("_arguments", "_class", "_options", "_variables")

    def __init__(self, executor: Any) -> None:
        self._class = type(executor)
        self._variables: dict[str, Any] = {}
        self._arguments = executor.schema, executor.fragment_definitions, executor.fragments
        self._options = (
            executor.operation,
            executor.field_resolver,
            executor.type_resolver,
            executor.subscribe_field_resolver,
        )

    def variables(self, values: Any) -> Any:
        """Return *values*, or equal ones that somebody else has kept already."""
        if len(self._variables) > _MOST:
            self._variables.clear()
        return self._variables.setdefault(repr(values.coerced), values)

    def executor(self, variables: Any, event: object) -> Any:
        """Return what executes the operation with *event* for its root."""
        operation, field_resolver, type_resolver, subscribe_field_resolver = self._options
        return self._class(
            *self._arguments,
            event,
            {},  # fields that have a plan read nothing of the context
            operation,
            variables,
            field_resolver,
            type_resolver,
            subscribe_field_resolver,
        )


_MOST = 1000  # different variables of one operation to remember


class Parked:
    """The executor of one subscription, as little of it as there can be."""

    __slots__ = ("origin", "variables")

    def __init__(self, origin: Origin, variables: Any) -> None:
        self.origin, self.variables = origin, origin.variables(variables)


def stock(parked: Parked, event: object) -> ExecutionResult:
    """Return what graphql-core makes of *event*: plain data, and errors as they were raised.

    ``errors.formatted`` makes those fit for clients.
    """
    result = parked.origin.executor(parked.variables, event).execute_operation(False)
    assert isinstance(result, ExecutionResult), "sources of events have nothing to wait for"
    return result
