"""Execute one operation by its plan and by graphql-core alone, and compare what goes out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    NoUnusedVariablesRule,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from rxgraph.serve.errors import formatted
from rxgraph.serve.executing import Executor
from rxgraph.serve.messages import Text, encode_text
from rxgraph.serve.planning import TEXTS
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.sources import EventSource

Frame = str | type[Exception]


@lru_cache
def parsed(schema: Any, text: str) -> DocumentNode:
    """Return a document that is valid."""
    document = parse(text)
    problems = validate(schema, document, _RULES)
    assert not problems, f"{problems}\n{text}"
    return document


def is_mergeable(schema: Any, text: str) -> bool:
    """True unless two fields of one name ask for different things."""
    return not validate(schema, parse(text), [OverlappingFieldsCanBeMergedRule])


_RULES = [rule for rule in specified_rules if rule is not NoUnusedVariablesRule]


def run(
    executor_class: Any,
    schema: Any,
    text: str,
    given: Mapping[str, Any],
    event: EventSource | None,
    context: dict[str, Any],
) -> ExecutionResult:
    """Return the result of an operation, or of one *event* of a subscription."""
    executor = executor_class.build(
        schema, parsed(schema, text), raw_variable_values=dict(given), context_value=context
    )
    assert not isinstance(executor, list), executor
    if event is not None:
        executor = executor.build_per_event_executor(event)

    async def execute() -> ExecutionResult:
        result = executor.execute_operation(None if event is None else False)
        found: ExecutionResult = await result if executor.is_awaitable(result) else result
        return found

    return asyncio.run(execute())


def frame(result: ExecutionResult) -> Frame:
    """Return what a client gets of *result*, the ids of masked errors left out."""
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [formatted(error) for error in result.errors]
    try:
        text = encode_text(payload)
    except TypeError as error:
        return type(error)
    return re.sub('("Internal error|"id":") ?[0-9a-f]{12}"', r'\1"', text)


class Answer:
    """What both ways answer."""

    def __init__(
        self,
        schema: Any,
        text: str,
        given: Mapping[str, Any],
        event: EventSource | None = None,
    ) -> None:
        self.scope = OperationScope()
        context = {TEXTS: True, "scope": self.scope}
        result = run(Executor, schema, text, given, event, context)
        self.is_planned = all(isinstance(item, Text) for item in (result.data or {}).values())
        self.planned = frame(result)
        expected = run(Stock, schema, text, given, event, {})
        self.stock = frame(expected)
        self.has_errors = bool(expected.errors) or not isinstance(self.stock, str)

    def check(self) -> None:
        """Fail unless both are the same, and the plan was used for all that is without errors."""
        assert self.planned == self.stock
        assert self.is_planned or self.has_errors
