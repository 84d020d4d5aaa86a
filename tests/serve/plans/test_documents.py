"""The documents that are written for clients are all served by plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, OperationType, get_named_type, parse
from graphql.execution.collect_fields import collect_fields

from rxgraph.compile.channel import compiled_channels
from rxgraph.compile.documents import document_files
from rxgraph.serve.executing import Executor
from rxgraph.serve.plans import Plan, plans_of
from rxgraph.serve.plans.compiling import HOLES
from rxgraph.serve.schema import get_schema
from rxgraph.testing import document_for, query_for

OPERATIONS = Path(__file__).parents[3] / "schema" / "operations"


def operations_of(text: str) -> list[tuple[str, Any]]:
    """Return name and document of every operation in *text*, without its variables.

    Those do not decide what is selected, and a mutation would not run without them.
    """
    document = parse(text)
    definitions = tuple(map(_without_variables, document.definitions))
    document = replace(document, definitions=definitions)
    return [
        (node.name.value if node.name else "", document)
        for node in definitions
        if isinstance(node, OperationDefinitionNode)
    ]


def _without_variables(node: Any) -> Any:
    is_operation = isinstance(node, OperationDefinitionNode)
    return replace(node, variable_definitions=()) if is_operation else node


def plans_in(document: Any, name: str) -> list[Plan]:
    """Return the plan of each root field that reads or writes a channel; all have one."""
    schema: Any = get_schema()._schema
    executor: Any = Executor.build(schema, document, operation_name=name or None)
    assert isinstance(executor, Executor), executor
    kind = executor.operation.operation
    root = schema.get_root_type(kind)
    fields = collect_fields(
        schema, executor.fragments, executor.variable_values, root, executor.operation
    ).grouped_field_set
    plans = plans_of(schema)
    assert plans is not None
    found = []
    for response_name, details in fields.items():
        field = root.fields[details[0].node.name.value]
        if kind is not OperationType.MUTATION or "session" not in field.args:  # no action
            type_: Any = get_named_type(field.type)
            found.append(plans.find(executor, response_name, type_, details))
    return found


def committed() -> str:
    """Return ``schema/operations``."""
    return "\n".join(path.read_text() for path in sorted(OPERATIONS.glob("*.graphql")))


def written() -> str:
    """Return the same for every channel there is, as ``makefrontend`` writes them."""
    return "\n".join(document_files(get_schema()._schema).values())


@pytest.mark.parametrize("text", [committed, written], ids=["committed", "written"])
def test_all_of_them_have_a_plan(text: Any) -> None:
    count = sum(len(plans_in(document, name)) for name, document in operations_of(text()))
    assert count >= 18


@pytest.mark.parametrize("compiled", compiled_channels(), ids=lambda item: item.names.field)
def test_those_of_the_test_client_too(compiled: Any) -> None:
    for make in (query_for, document_for):
        ((name, document),) = operations_of(make(get_schema(), compiled.names.field))
        (plan,) = plans_in(document, name)
        assert plan.response_name == compiled.names.field
        assert set(plan.holes) <= set(HOLES)
        assert bool(plan.holes) == (make is document_for)
