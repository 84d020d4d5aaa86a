"""Example values for arguments: right in type and small, for somebody to change."""

from __future__ import annotations

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    IntValueNode,
    ListValueNode,
    NameNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    get_nullable_type,
    is_required_input_field,
)

_SCALARS: dict[str, ValueNode] = {
    "Boolean": BooleanValueNode(value=True),
    "Date": StringValueNode(value="2030-01-31"),
    "DateTime": StringValueNode(value="2030-01-31T12:00:00Z"),
    "Decimal": StringValueNode(value="1.00"),
    "Duration": StringValueNode(value="1:00:00"),
    "Float": FloatValueNode(value="1.0"),
    "ID": StringValueNode(value="1"),
    "BigInt": StringValueNode(value="1"),
    "Int": IntValueNode(value="1"),
    "JSON": ObjectValueNode(fields=()),
    "Time": StringValueNode(value="12:00:00"),
    "UUID": StringValueNode(value="00000000-0000-4000-8000-000000000000"),
}
SESSION = StringValueNode(value="copy it from an event of the subscription")
_TEXT = StringValueNode(value="Example")


def example(kind: GraphQLInputType) -> ValueNode:
    """Return a value of *kind*: an input object has what it must have, or one field."""
    bare = get_nullable_type(kind)
    if isinstance(bare, GraphQLList):
        return ListValueNode(values=(example(bare.of_type),))
    if isinstance(bare, GraphQLEnumType):
        return EnumValueNode(value=next(iter(bare.values)))
    if isinstance(bare, GraphQLInputObjectType):
        return _object(bare)
    assert not isinstance(bare, GraphQLNonNull)
    return _SCALARS.get(bare.name, _TEXT)


def _object(kind: GraphQLInputObjectType) -> ValueNode:
    """Non-null fields cannot nest for ever (GraphQL spec §3.10.1), so neither does this."""
    names = [name for name, field in kind.fields.items() if is_required_input_field(field)]
    if not names:
        names = [_likely(kind)]
    return ObjectValueNode(
        fields=tuple(
            ObjectFieldNode(name=NameNode(value=name), value=example(kind.fields[name].type))
            for name in names
        )
    )


def _likely(kind: GraphQLInputObjectType) -> str:
    """Return the field that people mean first: a title or a name, else the first one."""
    known = [name for name in ("title", "name", "text", "body") if name in kind.fields]
    return known[0] if known else next(iter(kind.fields))
