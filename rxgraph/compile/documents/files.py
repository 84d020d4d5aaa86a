"""``operations/<channel>.graphql``: all documents of a schema, each name once.

A file has the operations of one channel and the fragments of its layers. Layers that several
channels show stand in a file of their own, so that no fragment is defined twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from graphql import GraphQLSchema, parse, print_ast

from rxgraph.compile import naming
from rxgraph.compile.documents.operations import mutation_text, query_text, subscription_text
from rxgraph.compile.documents.selections import Relations, fragments
from rxgraph.compile.documents.shapes import ChannelShape, read_channels

HEADER = "# Written by `manage.py makefrontend`; it writes over what is changed here.\n"
"""First line of every file, by which files are known whose channel is gone."""

SHARED_FILE = "shared-layers.graphql"
"""No channel's file: names of fields have no dashes."""


def document_files(schema: GraphQLSchema) -> dict[str, str]:
    """Return file name → text of the documents of *schema*; the same for the same schema."""
    channels = read_channels(schema)
    uses = Counter(name for channel in channels.values() for name in channel.layers)
    names = _file_names(channels)
    queries = _query_names(channels.values())
    found: dict[str, str] = {}
    shared: dict[str, str] = {}
    for field, channel in channels.items():
        own = [name for name in channel.layers if uses[name] == 1]
        found[names[field]] = _text(
            [*_operations(channel, queries[field]), *fragments(channel.layers, Relations, own)]
        )
        for name in channel.layers:
            if uses[name] > 1 and name not in shared:
                shared[name] = "\n".join(fragments(channel.layers, Relations, [name]))
    if shared:
        found[SHARED_FILE] = _text(shared.values())
    return dict(sorted(found.items()))


def _operations(channel: ChannelShape, query_name: str) -> Iterator[str]:
    yield query_text(channel, query_name)
    yield subscription_text(channel)
    for field, write in channel.writes.items():
        parents = channel.parents_of(write.target) if write.target else frozenset(channel.layers)
        yield mutation_text(field, write.definition, channel.layers, parents.__contains__)
    for field, definition in channel.actions.items():
        yield mutation_text(field, definition, channel.layers)


def _query_names(channels: Iterable[ChannelShape]) -> dict[str, str]:
    """Return channel → the name of its query: no other operation, of any kind, has it.

    Subscriptions and mutations keep their names, so that a channel that comes later renames
    nothing of another: ``ProjectLive`` is the subscription of ``project``, and the query of a
    channel ``projectLive`` is ``ProjectLiveQuery``.
    """
    all_channels = list(channels)
    taken = {f"{channel.operation}Live" for channel in all_channels}
    for channel in all_channels:
        taken |= {naming.upper_first(name) for name in (*channel.writes, *channel.actions)}
    found: dict[str, str] = {}
    for channel in all_channels:
        name = channel.operation
        while name in taken:
            name += "Query"
        taken.add(name)
        found[channel.field] = name
    return found


def _file_names(fields: Iterable[str]) -> dict[str, str]:
    """Return field → file name; no two are one file where case does not count."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for field in sorted(fields):
        name, count = field, 1
        while name.casefold() in taken:
            count += 1
            name = f"{field}-{count}"
        taken.add(name.casefold())
        found[field] = f"{name}.graphql"
    return found


def _text(definitions: Iterable[str]) -> str:
    document = parse("\n".join(definitions))
    return f"{HEADER}\n{print_ast(document)}\n"
