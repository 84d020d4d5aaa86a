"""``runtime_state`` of a live context: a mapping to read; ``set_runtime_var`` is what writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn


class RuntimeValues(Mapping[str, Any]):
    """The values of a ``RuntimeState`` by name, None until they are set."""

    def __init__(self, channel: str, declared: type[Any] | None) -> None:
        self._channel = channel
        names = () if declared is None else declared.__annotations__
        self._values: dict[str, Any] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Any:
        """Return a value.

        Raises:
            KeyError: it is not declared.
        """
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def require(self, name: str) -> None:
        """Return if *name* is declared.

        Raises:
            ValueError: it is not.
        """
        if name in self._values:
            return
        if self._values:
            hint = f"it has {', '.join(self._values)}"
        else:
            hint = "declare class RuntimeState(TypedDict) in the channel"
        raise ValueError(f"{self._channel}.RuntimeState has no {name!r}; {hint}")

    def put(self, name: str, value: Any) -> None:
        """Note what was set."""
        self._values[name] = value

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        """Refuse: nobody would be told.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"{self._channel}.runtime_state is read-only;"
            f" write await self.set_runtime_var({name!r}, …)"
        )
