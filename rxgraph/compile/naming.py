"""Every derived name is born here: GraphQL types, fields, arguments, enum members.

Strings in, strings out; nothing is looked up.
"""

from __future__ import annotations

import hashlib
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


def write_field(field: str, verb: str, typename: str) -> str:
    """Return the mutation of a channel's *field*: ``projectSaveTask`` for ``SAVE`` and ``Task``."""
    return field + verb.capitalize() + upper_first(typename)


def write_key(verb: str, typename: str) -> str:
    """Return the key of an operation in a batch: ``saveTask``."""
    return verb.lower() + upper_first(typename)


def batch_field(field: str) -> str:
    """Return the mutation that takes a list of operations: ``projectWrite``."""
    return f"{field}Write"


def write_type(stem: str, verb: str, typename: str, role: str) -> str:
    """Return ``ProjectSaveTaskPayload`` for the role ``Payload``."""
    return stem + verb.capitalize() + upper_first(typename) + role


def batch_type(stem: str, role: str) -> str:
    """Return ``ProjectWritePayload`` for the role ``Payload``."""
    return f"{stem}Write{role}"


def parent_type(stem: str, typename: str) -> str:
    """Return the input that says where a new instance goes: ``ProjectTaskParent``."""
    return f"{stem}{upper_first(typename)}Parent"


def parent_key(typename: str, relation: str | None = None) -> str:
    """Return the key of a parent: ``task``, or ``taskLabels`` where one type has two relations."""
    return lower_first(typename) + (upper_first(relation) if relation else "")


def data_type(verb: str, typename: str) -> str:
    """Return the input that holds the values of an instance: ``TaskSaveInput``."""
    return f"{typename}{verb.capitalize()}Input"


def node_field(typename: str, taken: Iterable[str]) -> str:
    """Return the field of a payload that holds the instance: ``task``; never one of *taken*."""
    name = lower_first(typename)
    return f"{name}Instance" if name in set(taken) else name


def write_argument(name: str, field: str, taken: Iterable[str]) -> str:
    """Return the name of a channel's argument in its mutations: ``projectId`` for ``id``.

    Only what is among *taken*, the arguments of mutations themselves, is renamed.
    """
    return field + upper_first(name) if name in set(taken) else name


def action_field(field: str, method: str) -> str:
    """Return the mutation of an action of the channel *field*: ``projectRename``."""
    return field + pascal_case(method)


def input_type(class_name: str) -> str:
    """Return the input of a class that an action takes: ``FilterInput`` for ``Filter``."""
    return class_name if class_name.endswith("Input") else f"{class_name}Input"


def result_type(class_name: str) -> str:
    """Return the object type of a class that an action answers: ``Report``."""
    return class_name


def choices_type(qualified_name: str) -> str:
    """Return the enum of a class of choices: ``TaskStatus`` for ``Task.Status``.

    So it is the very enum that a serializer makes of the field ``status`` of ``Task``.
    """
    return "".join(qualified_name.rpartition("<locals>.")[2].split("."))


def upper_first(name: str) -> str:
    """Return ``Task`` for ``task``."""
    return name[:1].upper() + name[1:]


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


#: The longest name of a column that every database of Django's takes.
_LONGEST_COLUMN = 63


def anchor_mark(module: str, class_name: str) -> str:
    """Return the column that marks live anchors: ``_rx_board_channels_projectchannel``.

    Django allows no two underscores in a row and none at the end. A name that is too long for
    PostgreSQL ends in a hash of the whole.
    """
    name = re.sub(r"_+", "_", f"_rx_{module}_{class_name}".replace(".", "_").lower()).rstrip("_")
    if len(name.encode()) <= _LONGEST_COLUMN:
        return name
    return f"{name[: _LONGEST_COLUMN - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
