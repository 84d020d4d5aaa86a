"""Which roots one list context shows, in which order: what its hooks answer, as ids.

``list_ids`` asks ``list_instances``. A :class:`Listing` is the list of one live context from then
on; changing it tells nobody, that is the stream's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from rxgraph.cache.rows.keys import normal_id
from rxgraph.compile.channel import CompiledChannel
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.hooks import call_hook
from rxgraph.errors import Forbidden, NotFound, TooLarge
from rxgraph.settings import get_settings

T = TypeVar("T")


async def list_ids(
    compiled: CompiledChannel, context: ContextChannel, arguments: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the ids that ``list_instances`` answers, in its order, each once.

    Raises:
        TooLarge: they are more than a list may have.
        Forbidden, NotFound: the hook says so in Django's words.
        TypeError: it answers no queryset and no list of ids or instances.
    """
    most = get_settings().list_anchors
    ids = await ids_of(compiled, await ask_for_list(context, arguments), most)
    if most is not None and len(ids) > most:
        raise TooLarge(f"Anchors of {compiled.names.field}", len(ids), most)
    return ids


async def ask_for_list(context: ContextChannel, arguments: Mapping[str, object]) -> Any:
    """Return what ``list_instances`` answers, nothing evaluated.

    Raises:
        Forbidden, NotFound: the hook says so in Django's words.
    """
    try:
        return await call_hook(context.list_instances, **arguments)
    except (ObjectDoesNotExist, Http404) as error:
        raise NotFound(str(error) or "There is nothing to list") from None
    except PermissionDenied:
        raise Forbidden("You may not list this") from None


async def ids_of(
    compiled: CompiledChannel, answer: Any, most: int | None = None
) -> tuple[str, ...]:
    """Return the ids of what ``list_instances`` answered; a queryset is evaluated here.

    Of a queryset with more than *most* rows, not many more are read.

    Raises:
        TypeError: it is no queryset and no list of ids or instances.
    """
    if isinstance(answer, QuerySet):
        found: tuple[str, ...] = await database_sync_to_async(ids_in)(compiled, answer, most)
        return found
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise TypeError(
            f"{compiled.name}.list_instances answered {answer!r};"
            " return a queryset or a list of ids"
        )
    return normal_ids(compiled, answer)


def ids_in(
    compiled: CompiledChannel, queryset: QuerySet[Any], most: int | None = None
) -> tuple[str, ...]:
    """Return the ids of a queryset by one SELECT of nothing but them."""
    root = compiled.tree.root.model
    is_plain = queryset._fields is None  # type: ignore[attr-defined] # no values() of its own
    if is_plain and issubclass(queryset.model, root):
        queryset = queryset.values_list("pk", flat=True)
        if most is not None and not queryset.query.is_sliced:
            queryset = queryset[: 2 * most + 1]  # a join may name some twice
    return normal_ids(compiled, queryset)


def normal_ids(compiled: CompiledChannel, items: Iterable[Any]) -> tuple[str, ...]:
    """Return ids or instances as ids in the form of the primary key, each once.

    Raises:
        TypeError: one of them is no id of the root model.
    """
    return tuple(dict.fromkeys(normal_root(compiled, item) for item in items))


def normal_root(compiled: CompiledChannel, item: Any) -> str:
    """Return an id or an instance as an id.

    Raises:
        TypeError: it is no id of the root model.
    """
    id_ = item.pk if isinstance(item, Model) else item
    root = compiled.tree.root
    found = None if id_ is None or isinstance(id_, bool) else normal_id(root.model, str(id_))
    if found is None:
        raise TypeError(f"{compiled.name}: {item!r} is not the id of a {root.typename}")
    return found


class Listing:
    """The roots of one list context.

    What the context's own code added stays until it is removed or deleted; what it removed stays
    away until it is added again; the rest follows ``list_instances``. ``ids`` is another tuple
    whenever something changed, and only then.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids: tuple[str, ...] = tuple(ids)
        self._added: set[str] = set()
        self._removed: set[str] = set()

    def copy(self) -> Listing:
        """Return another one that is the same now."""
        found = Listing(self.ids)
        found._added, found._removed = set(self._added), set(self._removed)
        return found

    def add(self, id_: str, *, at_beginning: bool) -> None:
        """Add a root because the context's code says so."""
        self._removed.discard(id_)
        self._added.add(id_)
        if id_ not in self.ids:
            self.ids = (id_, *self.ids) if at_beginning else (*self.ids, id_)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove roots because the context's code says so."""
        gone = set(ids)
        self._drop(gone)
        self._removed |= gone

    @property
    def added(self) -> frozenset[str]:
        """The roots that the context's own code added."""
        return frozenset(self._added)

    def forget(self, ids: Iterable[str]) -> None:
        """Remove roots that were deleted, or may not be seen any more."""
        gone = set(ids)
        self._drop(gone)
        self._removed -= gone

    def _drop(self, gone: set[str]) -> None:
        self._added -= gone
        if not gone.isdisjoint(self.ids):
            self.ids = tuple(id_ for id_ in self.ids if id_ not in gone)

    def joining(self, asked: Iterable[str], visible: frozenset[str]) -> list[str]:
        """Return those of *asked* that would join."""
        known = {*self.ids, *self._removed}
        return [id_ for id_ in asked if id_ in visible and id_ not in known]

    def follow(self, asked: Iterable[str], visible: frozenset[str], *, joins: bool) -> None:
        """Follow what ``list_instances`` says of the roots *asked*: those it lists are *visible*.

        Who joins does so at the beginning, the last of *asked* first; nobody does without *joins*.
        """
        asked = list(dict.fromkeys(asked))
        joined = self.joining(asked, visible) if joins else []
        gone = {id_ for id_ in asked if id_ not in visible and id_ not in self._added}
        if joined or not gone.isdisjoint(self.ids):
            kept = (id_ for id_ in self.ids if id_ not in gone)
            self.ids = (*reversed(joined), *kept)


def chunked(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """Yield *items* in parts of at most *size*."""
    return (items[start : start + size] for start in range(0, len(items), size))


Edit = Callable[[Listing], None]
