"""Compile a channel: its state tree, its arguments, the names it has in GraphQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rxgraph.compile import naming
from rxgraph.compile.actions import ActionSpec, compile_actions
from rxgraph.compile.state_tree import StateTree
from rxgraph.compile.tree import compile_state
from rxgraph.compile.write_checks import write_problems
from rxgraph.compile.write_specs import compile_writes
from rxgraph.compile.writing import WriteSpec
from rxgraph.declare import registry
from rxgraph.declare.anchor_marks import mark_of
from rxgraph.declare.arguments import Argument, channel_arguments
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.operations import Operation
from rxgraph.declare.problems import raise_errors
from rxgraph.errors import DeclarationError
from rxgraph.types import TypeName


@dataclass(frozen=True)
class ChannelNames:
    """GraphQL names of one channel."""

    field: str  # project
    channel: str  # ProjectChannel
    event: str  # ProjectChannelEvent
    changes: str  # ProjectChannelChanges
    runtime: str | None  # ProjectChannelRuntime, where RuntimeState is declared
    stem: str = ""  # Project: what the types of its mutations begin with


@dataclass(frozen=True, eq=False)
class CompiledChannel:
    """One channel, ready for the stages behind; compared and hashed by identity.

    ``changes`` maps each type name to its list field in the changes type: the GraphQL name and
    the name it is resolved by are the same (``{"Task": "tasks"}``).
    """

    channel: type[ContextChannel]
    tree: StateTree
    arguments: tuple[Argument, ...]
    names: ChannelNames
    changes: Mapping[TypeName, str]
    writes: tuple[WriteSpec, ...] = ()
    actions: tuple[ActionSpec, ...] = ()  # by the names of their methods

    def write_spec(self, typename: TypeName, operation: Operation) -> WriteSpec | None:
        """Return what clients may do to instances of *typename*; None: it is not declared."""
        for spec in self.writes:
            if spec.layer.typename == typename and spec.operation is operation:
                return spec
        return None

    def takes_arguments(self, spec: WriteSpec) -> bool:
        """True unless *spec* creates the very anchor that the arguments would name."""
        return self.tree.many or not spec.makes_root

    @property
    def batch_writes(self) -> tuple[WriteSpec, ...]:
        """What a batch may hold: the operations inside a context."""
        return tuple(spec for spec in self.writes if not spec.makes_root)

    @property
    def name(self) -> str:
        """Registered name of the channel."""
        return self.channel.name


_compiled: dict[type[ContextChannel], CompiledChannel] = {}


def compile_channel(channel: type[ContextChannel]) -> CompiledChannel:
    """Return *channel* compiled; the same object every time.

    Raises:
        DeclarationError: its state, its arguments or an action cannot be served.
    """
    if channel not in _compiled:
        _compiled[channel] = _compile(channel)
    return _compiled[channel]


def _compile(channel: type[ContextChannel]) -> CompiledChannel:
    options, stem = channel.options, channel.stem
    tree = compile_state(options.state, many=options.many)
    if options.many and options.auto_update:
        tree = replace(tree, auto_update=True)
    tree = _marked(channel, tree)
    writes = compile_writes(channel, tree)
    raise_errors(write_problems(channel, writes))
    return CompiledChannel(
        channel=channel,
        tree=tree,
        arguments=channel_arguments(channel),
        names=ChannelNames(
            field=channel.field_name,
            channel=naming.channel_type(stem),
            event=naming.event_type(stem),
            changes=naming.changes_type(stem),
            runtime=naming.runtime_type(stem) if options.runtime_state else None,
            stem=stem,
        ),
        changes=naming.changes_fields(list(tree.layers)),
        writes=writes,
        actions=compile_actions(channel),
    )


def _marked(channel: type[ContextChannel], tree: StateTree) -> StateTree:
    """Return *tree* with its mark, if it has one.

    What was cached without the mark is heated anew, since nobody has set it on those anchors.
    """
    if not channel.options.optimize_anchors:
        return tree
    name = mark_of(channel)
    return replace(tree, anchor_mark=name, fingerprint=f"{tree.fingerprint} {name}")


def compiled_channels() -> tuple[CompiledChannel, ...]:
    """Return every declared channel that compiles; the system checks report the others."""
    found: list[CompiledChannel] = []
    for channel in registry.channels():
        try:
            found.append(compile_channel(channel))
        except DeclarationError:
            continue
    return tuple(found)


def served_channels() -> tuple[CompiledChannel, ...]:
    """Return every declared channel, as a schema serves them.

    Raises:
        DeclarationError: one of them is declared wrongly.
    """
    raise_errors(registry.failures())
    return tuple(compile_channel(channel) for channel in registry.channels())
