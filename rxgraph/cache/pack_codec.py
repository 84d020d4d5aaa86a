"""A part of a pack as bytes: many documents in one text, to be read at once.

Law: ``decode_part(encode_part(documents)) == documents``, their order and that of keys included.
The text is JSON: neighbours of one type and version form a group ``[typename, version, ids, datas,
links, owners, rest]`` of columns, where the last three are null if no document has any. Links are
runs of one type, ``["Comment", "1", "2"]``. The first byte says which encoder wrote it: Python's
own takes what the fast one refuses (large integers, halves of surrogate pairs).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import orjson

from rxgraph.types import Document, InstanceKey, RemovalReason

_FAST, _PATIENT = b"1", b"2"
_make = tuple.__new__  # what a named tuple's own constructor ends in, at half the price


def encode_part(documents: Iterable[Document]) -> bytes:
    """Return the bytes that hold *documents*."""
    groups = [
        _group(typename, version, list(some))
        for (typename, version), some in groupby(documents, lambda d: (d.key.typename, d.version))
    ]
    try:
        return _FAST + orjson.dumps(groups)
    except TypeError:
        return _PATIENT + json.dumps(groups).encode()


def decode_part(part: bytes) -> list[Document]:
    """Return the documents that *part* holds.

    Raises:
        ValueError: it was written in another way.
    """
    kind, text = part[:1], memoryview(part)[1:]
    if kind not in (_FAST, _PATIENT):
        raise ValueError(f"a part begins with {kind!r}")
    documents: list[Document] = []
    for typename, version, ids, datas, links, owners, rest in (
        orjson.loads(text) if kind == _FAST else json.loads(bytes(text))
    ):
        keys = [_make(InstanceKey, (typename, id_)) for id_ in ids]
        if links is None and owners is None and rest is None:
            documents += [Document(k, version, d) for k, d in zip(keys, datas, strict=True)]
            continue
        none = (None,) * len(ids)
        documents += [
            Document(
                key,
                version,
                data,
                _links(runs) if runs else (),
                owner,
                tuple(more[0]) if more else (),
                RemovalReason(more[1]) if more and more[1] else None,
            )
            for key, data, runs, owner, more in zip(
                keys, datas, links or none, owners or none, rest or none, strict=True
            )
        ]
    return documents


def _group(typename: str, version: int, documents: list[Document]) -> list[Any]:
    owners = [document.owner for document in documents]
    rest = [
        [document.former_owners, document.removed]
        if document.former_owners or document.removed
        else None
        for document in documents
    ]
    links = [_runs(document.links) if document.links else None for document in documents]
    return [
        typename,
        version,
        [document.key.id for document in documents],
        [document.data for document in documents],
        links if any(links) else None,
        owners if any(owner is not None for owner in owners) else None,
        rest if any(rest) else None,
    ]


def _runs(links: Sequence[InstanceKey]) -> list[list[str]]:
    if len({typename for typename, _ in links}) == 1:
        return [[links[0].typename, *[id_ for _, id_ in links]]]
    return [[name, *(id_ for _, id_ in run)] for name, run in groupby(links, lambda key: key[0])]


def _links(runs: list[list[str]]) -> tuple[InstanceKey, ...]:
    return tuple([_make(InstanceKey, (typename, id_)) for typename, *ids in runs for id_ in ids])
