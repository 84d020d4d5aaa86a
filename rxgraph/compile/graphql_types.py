"""Make Strawberry types from values: the one place that builds classes.

The Python attribute of a field is its name in our documents, the GraphQL name is explicit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import strawberry


@dataclass(frozen=True)
class Field:
    """One field of an object type."""

    attribute: str
    graphql_name: str
    annotation: Any
    description: str | None = None


def object_type(
    name: str,
    fields: Iterable[Field],
    *,
    description: str | None = None,
    directives: Sequence[object] = (),
) -> type[Any]:
    """Return a Strawberry object type; values come from the schema's default resolver."""
    declared = list(fields)
    namespace: dict[str, Any] = {
        "__annotations__": {field.attribute: field.annotation for field in declared},
        "__module__": __name__,
    }
    for field in declared:
        namespace[field.attribute] = strawberry.field(
            name=field.graphql_name, description=field.description
        )
    made = type(name, (), namespace)
    return strawberry.type(made, name=name, description=description, directives=tuple(directives))


@dataclass(frozen=True)
class Given:
    """One field of an input type; what is not required may be left out, which null is not.

    A *default* is what a field that is left out holds; null is then no value of it.
    """

    attribute: str
    graphql_name: str
    annotation: Any
    description: str | None = None
    required: bool = False
    directives: tuple[object, ...] = ()
    default: Any = strawberry.UNSET


def input_type(
    name: str,
    fields: Iterable[Given],
    *,
    description: str | None = None,
    one_of: bool = False,
) -> type[Any]:
    """Return a Strawberry input type; what the client left out is ``strawberry.UNSET``."""
    declared = list(fields)
    namespace: dict[str, Any] = {
        "__annotations__": {
            field.attribute: or_null(
                field.annotation,
                nullable=not field.required and field.default is strawberry.UNSET,
            )
            for field in declared
        },
        "__module__": __name__,
    }
    for field in declared:
        # mypy reads overloads that know no default of a required field
        options: dict[str, Any] = {} if field.required else {"default": field.default}
        options["directives"] = field.directives
        namespace[field.attribute] = strawberry.field(
            name=field.graphql_name, description=field.description, **options
        )
    made = type(name, (), namespace)
    return strawberry.input(made, name=name, description=description, one_of=one_of)


def or_null(type_: Any, nullable: bool) -> Any:
    """Return *type_*, with null allowed where *nullable*."""
    return Optional[type_] if nullable else type_  # noqa: UP045


def resolve_attribute(source: Any, name: str) -> object:
    """Return the value of a field: ``source.resolve(name)``, else the attribute."""
    resolve = getattr(source, "resolve", None)
    return resolve(name) if resolve is not None else getattr(source, name)
