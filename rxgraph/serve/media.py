"""Which media type an answer has: what the client accepts, of what is served.

GraphQL over HTTP, "Body"; RFC 9110 §12.5.1. Whoever names nothing gets ``application/json``, which
every client reads. A stream is only for those who name ``text/event-stream``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"
EVENT_STREAM: Final = "text/event-stream"

_OFFERED = (JSON, GRAPHQL_JSON, EVENT_STREAM)  # where a client does not mind, the first
_PART = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_UTF8 = ("utf-8", "utf8")


class MediaType(NamedTuple):
    """A media type as a header has it; names in lower case."""

    name: str
    parameters: dict[str, str]

    @property
    def is_utf8(self) -> bool:
        """True unless it says that its text is something else."""
        return self.parameters.get("charset", "utf-8").lower() in _UTF8

    @property
    def quality(self) -> float:
        """How much a client wants it, from 0 to 1; 0 where it cannot be read."""
        try:
            quality = float(self.parameters.get("q", "1"))
        except ValueError:
            return 0.0
        return quality if 0.0 <= quality <= 1.0 else 0.0


def parse(text: str) -> MediaType:
    """Return the media type in *text*, as ``Content-Type`` has it."""
    name, *parts = text.split(";")
    pairs = (part.partition("=") for part in parts)
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return MediaType(name.strip().lower(), parameters)


def accepted(accept: str | None) -> list[str]:
    """Return what of ours an ``Accept`` header accepts, best first; None: there is no header."""
    if accept is None or not accept.strip():
        return [JSON, GRAPHQL_JSON]
    found = [parse(part) for part in _PART.findall(accept)]
    wanted = []
    for rank, offer in enumerate(_OFFERED):
        best = max(_matches(offer, found), default=None)
        if best is not None and best[1].quality > 0:
            place = found.index(best[1])
            wanted.append((-best[1].quality, place, rank, offer))
    return [offer for *_, offer in sorted(wanted)]


def _matches(offer: str, found: list[MediaType]) -> Iterator[tuple[int, MediaType]]:
    """Yield how closely each of *found* names *offer*."""
    family = offer.partition("/")[0]
    for item in found:
        if not item.is_utf8:
            continue
        if item.name == offer:
            yield 2, item
        elif offer != EVENT_STREAM and item.name in (f"{family}/*", "*/*"):
            yield int(item.name != "*/*"), item
