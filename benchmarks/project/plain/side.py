"""Nothing can be asked here that is not asked of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def plain() -> Iterator[None]:
    """Change nothing: every save is plain."""
    yield


def heat(project: int) -> None:
    """There is no cache.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("there is no cache")
