"""Compile a nested serializer into a state tree.

:func:`examine_state` returns all problems it meets, :func:`compile_state` raises them.
"""

from __future__ import annotations

from django.utils import translation
from rest_framework import serializers

from rxgraph.compile.fingerprint import fingerprint
from rxgraph.compile.state_tree import Layer, StateTree
from rxgraph.compile.walk import Serializer, Walker
from rxgraph.declare.problems import Problem, raise_errors


def compile_state(serializer: Serializer, *, many: bool = False) -> StateTree:
    """Return the state tree of *serializer*; ``many=True`` serializers give list states.

    Raises:
        DeclarationError: something in it cannot be served; every problem is named.
    """
    tree, problems = examine_state(serializer, many=many)
    raise_errors(problems)
    return tree


def examine_state(serializer: Serializer, *, many: bool = False) -> tuple[StateTree, list[Problem]]:
    """Return the state tree of what is sound in *serializer*, and every problem in it."""
    if isinstance(serializer, serializers.ListSerializer):
        serializer, many = serializer.child, True
    walker = Walker()
    with translation.override(None):  # labels in the source language
        walker.visit(serializer, ())
    layers = _parents_first(walker.layers, walker.visited())
    return StateTree(layers, many, fingerprint(layers.values())), walker.problems


def _parents_first(layers: dict[str, Layer], visited: list[str]) -> dict[str, Layer]:
    """Order *layers* so that every parent stands before its children; equals in order of visit."""
    waiting = {
        name: {
            other for other, layer in layers.items() for r in layer.relations if r.target == name
        }
        for name in layers
    }
    order: dict[str, Layer] = {}
    while waiting:
        name = next(name for name in visited if name in waiting and not waiting[name] - set(order))
        order[name] = layers[name]
        del waiting[name]
    return order
