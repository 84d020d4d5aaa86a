"""Problems that only compiling finds: one run over all channels, nothing raised."""

from __future__ import annotations

from rxgraph.compile.actions import read_actions
from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.compile.collisions import schema_problems
from rxgraph.compile.state_tree import StateTree
from rxgraph.compile.tree import examine_state
from rxgraph.compile.write_checks import write_problems
from rxgraph.compile.write_specs import compile_writes
from rxgraph.declare import registry
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.problems import Problem, dotted
from rxgraph.errors import DeclarationError


def examine() -> list[Problem]:
    """Return every problem in the states of the declared channels."""
    problems: list[Problem] = []
    compiled: list[CompiledChannel] = []
    for channel in registry.channels():
        problems += read_actions(channel)[1]
        tree, found = _examine_state(channel)
        problems += found
        if tree is None:
            continue
        problems += _writable_problems(channel, tree)
        try:
            problems += write_problems(channel, compile_writes(channel, tree))
            compiled.append(compile_channel(channel))
        except DeclarationError:
            continue  # its problems are in the list already
        except Exception as error:  # noqa: BLE001  # a check reports, it never crashes
            problems.append(_unreadable(channel, error))
            continue
    return problems + schema_problems(compiled)


def _examine_state(
    channel: type[ContextChannel],
) -> tuple[StateTree | None, list[Problem]]:
    try:
        return examine_state(channel.options.state, many=channel.options.many)
    except Exception as error:  # noqa: BLE001  # a check reports, it never crashes
        return None, [_unreadable(channel, error)]


def _unreadable(channel: type[ContextChannel], error: Exception) -> Problem:
    return Problem(
        "E016",
        channel.name,
        f"cannot be compiled: {type(error).__name__}: {error}",
        "see that Meta.state renders an instance in a shell",
        channel,
    )


def _writable_problems(channel: type[ContextChannel], tree: StateTree) -> list[Problem]:
    known = {type(layer.serializer) for layer in tree.layers.values()}
    return [
        Problem(
            "E011",
            f"{channel.name}.Meta.writable",
            f"names {dotted(serializer)}, which is not part of the state",
            "name serializers that Meta.state nests",
            channel,
        )
        for serializer in channel.options.writable
        if serializer not in known
    ]
