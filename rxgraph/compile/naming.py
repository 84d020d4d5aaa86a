"""Every derived name is born here: GraphQL types, fields, arguments, enum members.

Strings in, strings out; nothing is looked up. Rules: DESIGN §4.1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
"""GraphQL spec §2.1.9, Names."""

_CHANNEL_SUFFIXES = ("ContextChannel", "Channel")
_ACRONYM = re.compile(r"[A-Z]+(?![a-z])|[A-Z]")


def is_valid_name(name: str) -> bool:
    """True when *name* may be declared in a schema: well formed, not reserved by GraphQL."""
    return NAME.match(name) is not None and not name.startswith("__")


def camel_case(name: str) -> str:
    """Return ``dueDate`` for ``due_date``; leading underscores stay."""
    bare = name.lstrip("_")
    first, *rest = bare.split("_") if bare else [""]
    tail = "".join(part[:1].upper() + part[1:] for part in rest)
    return name[: len(name) - len(bare)] + first + tail


def pascal_case(name: str) -> str:
    """Return ``DueDate`` for ``due_date``."""
    camel = camel_case(name.strip("_"))
    return camel[:1].upper() + camel[1:]


def lower_first(name: str) -> str:
    """Return ``projectList`` for ``ProjectList`` and ``httpLog`` for ``HTTPLog``."""
    match = _ACRONYM.match(name)
    head = match.group() if match else ""
    return head.lower() + name[len(head) :]


def channel_stem(class_name: str) -> str:
    """Return ``Project`` for ``ProjectChannel`` and ``ProjectContextChannel``."""
    for suffix in _CHANNEL_SUFFIXES:
        if class_name.endswith(suffix) and class_name != suffix:
            return class_name.removesuffix(suffix)
    return class_name


def channel_field(stem: str) -> str:
    """Return the root field of a channel: ``project``."""
    return lower_first(stem)


def channel_type(stem: str) -> str:
    """Return the entity type of a channel: ``ProjectChannel``."""
    return f"{stem}Channel"


def event_type(stem: str) -> str:
    """Return the type of a channel's events: ``ProjectChannelEvent``."""
    return f"{stem}ChannelEvent"


def changes_type(stem: str) -> str:
    """Return the type that lists changed instances by layer: ``ProjectChannelChanges``."""
    return f"{stem}ChannelChanges"


def runtime_type(stem: str) -> str:
    """Return the type of a channel's runtime state: ``ProjectChannelRuntime``."""
    return f"{stem}ChannelRuntime"


def layer_type(class_name: str) -> str:
    """Return ``Task`` for ``TaskSerializer``."""
    bare = class_name.removesuffix("Serializer")
    return bare or class_name


def plural(word: str) -> str:
    """Return the simple English plural: Task → Tasks, Entry → Entries, Box → Boxes."""
    lower = word.lower()
    if lower.endswith("y") and lower[-2:-1] not in {"", "a", "e", "i", "o", "u"}:
        return word[:-1] + "ies"
    if lower.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word + "s"


def changes_fields(typenames: Sequence[str]) -> dict[str, str]:
    """Return type name → its list field in the changes type: ``{"Task": "tasks"}``.

    Where two types would share a field, each of them gets its own name plus ``List``.
    """
    plurals = {name: plural(lower_first(name)) for name in typenames}
    taken = list(plurals.values())
    return {
        name: field if taken.count(field) == 1 else f"{lower_first(name)}List"
        for name, field in plurals.items()
    }


def enum_type(owner: str, field: str) -> str:
    """Return the enum of a choice field: ``TaskStatus`` for ``Task`` and ``status``."""
    return owner + pascal_case(field)


def enum_members(choices: Iterable[tuple[object, object]]) -> list[tuple[str, object]]:
    """Return ``(member, value)`` pairs for ``(value, label)`` choices, in order, no name twice.

    Text is named after its value (``"in-progress"`` → ``IN_PROGRESS``, ``""`` → ``BLANK``),
    anything else after its label (``1, "High"`` → ``HIGH``); what cannot be named so is
    ``VALUE_…``. A name that is taken gets a number.
    """
    members: list[tuple[str, object]] = []
    taken: set[str] = set()
    for position, (value, label) in enumerate(choices, start=1):
        base = _member(value, label) or f"VALUE_{position}"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name)
        members.append((name, value))
    return members


def _member(value: object, label: object) -> str:
    if value == "":
        return "BLANK"
    if isinstance(value, str):
        name = _constant(value)
        return f"VALUE_{name}" if name[:1].isdigit() else name
    name = _constant(str(label))
    if name and not name[0].isdigit():
        return name
    number = _constant(str(value).replace("-", "MINUS_"))
    return f"VALUE_{number}" if number else ""


def _constant(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").upper()
