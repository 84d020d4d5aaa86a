"""Places that are counted: connections by user, and by address. Of one process."""

from __future__ import annotations

from collections import Counter


class Places:
    """How many places each holder has; ``None`` is nobody, and is not counted."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def take(self, holder: str | None, most: int | None) -> bool:
        """Take a place for *holder*; False: it has *most* already. Give each taken one back."""
        if holder is None:
            return True
        if most is not None and self._held[holder] >= most:
            return False
        self._held[holder] += 1
        return True

    def give_back(self, holder: str | None) -> None:
        """Give back a place that was taken."""
        if holder is not None:
            self._held[holder] -= 1
            if self._held[holder] <= 0:
                del self._held[holder]

    def count(self, holder: str) -> int:
        """Return how many places *holder* has."""
        return self._held.get(holder, 0)

    def __len__(self) -> int:
        return len(self._held)
