"""What only RxDjango can be asked: to save as if it were not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models.signals import post_save, pre_save


@contextmanager
def plain() -> Iterator[None]:
    """Let no receiver hear of a save."""
    held: list[tuple[Any, list[Any]]] = [
        (signal, signal.receivers) for signal in (pre_save, post_save)
    ]
    _listen([(signal, []) for signal, _ in held])
    try:
        yield
    finally:
        _listen(held)


def heat(project: int) -> None:
    """RxDjango heats an anchor for a client only.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("connect a client")


def _listen(receivers: list[tuple[Any, list[Any]]]) -> None:
    for signal, found in receivers:
        signal.receivers = found
        signal.sender_receivers_cache.clear()
