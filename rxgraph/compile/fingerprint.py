"""A stable hash of everything that shapes the cached documents of a state.

The same in every process and on every machine; a deploy that changes it heats caches anew.
"""

from __future__ import annotations

import enum
import hashlib
import json
import typing
from collections.abc import Iterable
from typing import Any

from rxgraph.compile.enums import raw_members
from rxgraph.compile.state_tree import Layer, label_of


def fingerprint(layers: Iterable[Layer]) -> str:
    """Return the fingerprint of *layers*, 16 hexadecimal digits."""
    text = json.dumps([_layer(layer) for layer in layers], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _layer(layer: Layer) -> dict[str, Any]:
    serializer = type(layer.serializer)
    return {
        "type": layer.typename,
        "serializer": f"{serializer.__module__}.{serializer.__qualname__}",
        "model": layer.model_label,
        "pk": layer.model._meta.pk.attname,
        "user_key": layer.user_key,
        "values": [
            {
                "name": value.name,
                "type": type_text(value.type),
                "nullable": value.nullable,
                "dependencies": [[label_of(d.model), d.path] for d in value.dependencies],
            }
            for value in layer.values
        ],
        "relations": [
            {
                "name": relation.name,
                "source": relation.source,
                "kind": relation.kind.value,
                "target": relation.target,
                "many": relation.many,
                "nullable": relation.nullable,
                "column": relation.column,
                "query_path": relation.query_path,
                "through": label_of(relation.through) if relation.through else None,
            }
            for relation in layer.relations
        ],
    }


def type_text(type_: Any) -> str:
    """Return a text that is equal for equal types, such as ``list[TaskStatus(OPEN='open')]``."""
    arguments = typing.get_args(type_)
    if arguments and typing.get_origin(type_) is list:
        return f"list[{type_text(arguments[0])}]"
    if arguments:  # Optional
        return "|".join(type_text(item) for item in arguments)
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        members = ",".join(f"{name}={value!r}" for name, value in raw_members(type_).items())
        return f"{type_.__name__}({members})"
    return str(getattr(type_, "__name__", type_))
