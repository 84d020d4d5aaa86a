"""Make a failing run small: fewer choices, and simpler ones, as long as it fails the same way.

Delta debugging of the list of choices. A run with some of them left out is another run, often one
with fewer actors, faults and transactions; what follows after the last choice is the simplest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Fails = Callable[[Sequence[int]], bool]


def shrink(choices: Sequence[int], fails: Fails, *, attempts: int = 400) -> list[int]:
    """Return a shorter and simpler list of choices that *fails* too, after so many attempts."""
    return _Shrinking(list(choices), fails, attempts).run()


class _Shrinking:
    def __init__(self, choices: list[int], fails: Fails, attempts: int) -> None:
        self._best, self._fails, self._left = choices, fails, attempts

    def run(self) -> list[int]:
        while self._left > 0:
            before = list(self._best)
            self._cut_the_end()
            self._go_through(lambda part: [])
            self._go_through(lambda part: [0] * len(part))
            if self._best == before:
                break
        return self._best

    def _try(self, choices: list[int]) -> bool:
        while choices and choices[-1] == 0:
            choices.pop()  # that is what comes after the end anyway
        if self._left <= 0 or choices == self._best:
            return False
        self._left -= 1
        if not self._fails(choices):
            return False
        self._best = choices
        return True

    def _cut_the_end(self) -> None:
        low, high = 0, len(self._best)
        while low < high:
            middle = (low + high) // 2
            if self._try(self._best[:middle]):
                high = min(middle, len(self._best))
            else:
                low = middle + 1
                if self._left <= 0:
                    return

    def _go_through(self, change: Callable[[list[int]], list[int]]) -> None:
        """Replace parts, large ones first, by what *change* makes of them."""
        size = max(1, len(self._best) // 2)
        while size and self._left > 0:
            at = 0
            while at < len(self._best) and self._left > 0:
                part = self._best[at : at + size]
                changed = change(part)
                if part != changed and self._try(
                    [*self._best[:at], *changed, *self._best[at + size :]]
                ):
                    at += len(changed)
                else:
                    at += size
            size //= 2
