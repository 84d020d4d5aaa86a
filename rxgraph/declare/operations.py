"""The operations that ``Meta.writable`` can grant to clients."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """What a client may do with an instance of a layer."""

    SAVE = "SAVE"
    CREATE = "CREATE"
    DELETE = "DELETE"


SAVE: Final = Operation.SAVE
CREATE: Final = Operation.CREATE
DELETE: Final = Operation.DELETE
