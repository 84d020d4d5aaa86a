"""``ContextChannel``: the class a developer declares.

Making a subclass reads its ``Meta`` and hooks, refuses what is wrong with a
:class:`~rxgraph.errors.DeclarationError`, and registers it. An object of it is one live context.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, KeysView, Mapping
from typing import Any, ClassVar

from django.utils.module_loading import import_string

from rxgraph.compile import naming
from rxgraph.declare import registry
from rxgraph.declare.anchor_marks import add_mark
from rxgraph.declare.live import LiveContext
from rxgraph.declare.options import ChannelOptions, read_options
from rxgraph.declare.outlet import outlet
from rxgraph.declare.problems import dotted, raise_errors
from rxgraph.declare.runtime_state import RuntimeValues
from rxgraph.declare.signatures import check_hooks
from rxgraph.settings import get_settings
from rxgraph.types import JSON


class ContextChannel:
    """Live state of one instance (or a list of them) for one user.

    Every hook may be ``def`` or ``async def``; it is given the named parameters it accepts.

    Attributes:
        user: who is watching; an ``AnonymousUser`` when nobody is signed in.
        kwargs: the arguments of the subscription by their Python names.
    """

    #: Registered name, ``module.QualName``; cached state is filed under it.
    name: ClassVar[str]
    #: GraphQL stem: ``Project`` for ``ProjectChannel``.
    stem: ClassVar[str]
    #: Field of Query and Subscription: ``project``.
    field_name: ClassVar[str]
    options: ClassVar[ChannelOptions] = ChannelOptions(abstract=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        options, problems = read_options(cls, cls.options)
        cls.options = options
        cls.name = dotted(cls)
        cls.stem = options.graphql_name or naming.channel_stem(cls.__name__)
        cls.field_name = naming.channel_field(cls.stem)
        raise_errors([*problems, *check_hooks(cls, many=options.many)])
        if options.optimize_anchors and not options.abstract:
            raise_errors(add_mark(cls))
        if not options.abstract:
            registry.register(cls)

    def __init__(
        self,
        user: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        live: LiveContext | None = None,
    ) -> None:
        self.user = user
        self.kwargs: dict[str, Any] = dict(kwargs or {})
        self._live = live
        self._runtime = RuntimeValues(self.name, self.options.runtime_state)

    # Who may watch what

    @staticmethod
    def has_permission(user: Any, *args: Any, **kwargs: Any) -> bool | Awaitable[bool]:
        """Return True to let *user* in; anything but True or False is an error.

        By default everybody who is signed in may watch.
        """
        return bool(getattr(user, "is_authenticated", False))

    def get_instance_id(self, *args: Any, **kwargs: Any) -> Any:
        """Return the primary key of the anchor; by default the first argument."""
        return next(iter(kwargs.values()))

    def list_instances(self, *args: Any, **kwargs: Any) -> Any:
        """Return the anchors of a list channel: a queryset, or a list of ids."""
        raise NotImplementedError(f"{self.name}.list_instances")

    def is_visible(self, instance_id: Any) -> bool | Awaitable[bool]:
        """Return whether a new instance joins this list (``Meta.auto_update``)."""
        return True

    # A subscription begins and ends

    def on_connect(self, tstamp: float | None) -> Awaitable[None] | None:
        """Do something when the stream is live.

        *tstamp* is the time (Unix seconds) of the last update the client had, None on a first
        visit.
        """
        return None

    def on_disconnect(self) -> Awaitable[None] | None:
        """Do something when the client is gone."""
        return None

    # Who may write what

    def can_save(self, instance: Any, data: Any) -> bool | Awaitable[bool]:
        """Return True to let this user change *instance* by *data*.

        *instance* is as it was before; *data* maps field names to values, related instances
        looked up. Related instances that are not part of this context are refused, unless the
        hook has a parameter ``outside``: then they are given in it, for the hook to judge.
        """
        return False

    def can_create(self, model_class: Any, parent: Any, data: Any) -> bool | Awaitable[bool]:
        """Return True to let this user create a *model_class* under *parent*.

        *parent* is None for an anchor itself; *data* and ``outside`` as in ``can_save``.
        """
        return False

    def can_delete(self, instance: Any) -> bool | Awaitable[bool]:
        """Return True to let this user delete *instance*."""
        return False

    # The roots of a list channel

    @property
    def anchor_ids(self) -> tuple[str, ...]:
        """The ids of what this context shows, as text: of a list in its order, else of one."""
        return () if self._live is None else self._live.anchor_ids

    async def add_instance(self, instance_id: Any, at_beginning: bool = False) -> None:
        """Add an instance to this list, by its id; nothing when it is listed, or nobody watches.

        Raises:
            NotFound: there is no such row.
            TypeError: this is no list channel, or no id.
        """
        if (live := self._listed("add_instance")) is not None:
            await live.add_instance(instance_id, at_beginning)

    async def remove_instance(self, instance_id: Any) -> None:
        """Remove an instance from this list, by its id; it does not come back by itself.

        Raises:
            TypeError: this is no list channel, or no id.
        """
        if (live := self._listed("remove_instance")) is not None:
            await live.remove_instance(instance_id)

    async def clear(self) -> None:
        """Remove all instances from this list.

        Raises:
            TypeError: this is no list channel.
        """
        if (live := self._listed("clear")) is not None:
            await live.clear()

    def _listed(self, method: str) -> LiveContext | None:
        if not self.options.many:
            raise TypeError(
                f"{self.name}.{method} is for list channels; write Meta.state with many=True"
            )
        return self._live

    # What a channel can do

    async def send(self, data: JSON) -> None:
        """Send *data* to this subscriber as a MESSAGE event; nothing when it is not live."""
        if self._live is not None:
            await self._live.send(data)

    @property
    def runtime_state(self) -> Mapping[str, Any]:
        """The values of ``RuntimeState`` by name, None until set; ``set_runtime_var`` sets them."""
        return self._runtime

    async def set_runtime_var(self, name: str, value: Any) -> None:
        """Set a value of ``RuntimeState`` and tell this subscriber, in an event of its own.

        What is set in ``on_connect`` is part of the first event. A value is told as it is now:
        set a list again after changing it.

        Raises:
            ValueError: ``RuntimeState`` has no such name.
            TypeError: *value* does not fit the declared type.
        """
        self._runtime.require(name)
        if self._live is not None:
            await self._live.set_runtime_var(name, value)
        self._runtime.put(name, value)

    async def group_add(self, group: str) -> None:
        """Join a group of the channel layer, until this context ends.

        Its events go to the methods marked with ``@consumer``; nothing when it is not live.

        Raises:
            RuntimeError: the project has no channel layer.
        """
        if self._live is not None:
            await self._live.group_add(group)

    # What can be told from anywhere; inside a transaction after its commit

    @classmethod
    def broadcast_notification(cls, anchor_id: Any, data: JSON, user_id: Any = None) -> None:
        """Send *data* as a MESSAGE event to every live context that shows an anchor.

        *user_id*: only to those of this user. Both may be model instances.

        Raises:
            ValueError: *anchor_id* is no id, or *data* is too much.
            TypeError: *data* is nothing that JSON can hold.
        """
        outlet().notify(cls, anchor_id, data, user_id)

    @classmethod
    def broadcast_instance(cls, anchor_id: Any, instance: Any, operation: str = "update") -> None:
        """Let one anchor read *instance* again and tell it whole, also where nothing differs.

        *operation* is ``create``, ``update`` or ``delete``. The database has the last word: what
        exists is told, and stays; what does not is removed.

        Raises:
            ValueError: *operation* or *anchor_id* is none, or *instance* has no primary key.
            TypeError: the channel does not show such instances.
        """
        outlet().retell(cls, anchor_id, instance, operation)

    @classmethod
    def revoke(cls, user_id: Any, anchor_id: Any = None) -> None:
        """Ask at once whether a user may still watch this channel, in every process.

        *anchor_id*: only where this anchor is shown. On ``ContextChannel`` itself, or an abstract
        class: all channels below it. Who may no longer watch is told so, and the stream ends.

        Raises:
            ValueError: *anchor_id* is no id.
        """
        outlet().revoke(cls, user_id, anchor_id)

    async def serialize_instance(
        self, instance: Any, *, typename: str | None = None
    ) -> dict[str, JSON]:
        """Return *instance* as this channel's state holds it: flat, relations as ids.

        *typename* chooses among several layers of its model; by default it is the first.

        Raises:
            ValueError: the state has no layer of that model or name, or the row is not saved.
        """
        serialize: Callable[..., Awaitable[dict[str, JSON]]] = import_string(
            "rxgraph.sync.serializing.serialize_instance"
        )
        return await serialize(type(self), instance, typename)

    @classmethod
    async def clear_cache(cls, anchor_id: Any) -> bool:
        """Drop the cache of one anchor; False when it was not HOT.

        Who watches it gets RESET(CACHE_CLEARED) and a fresh SNAPSHOT. A list channel has one cache
        for the whole list. Beside a server with the memory store it is left to that server, and the
        answer is False. From sync code: ``async_to_sync(ProjectChannel.clear_cache)(7)``.

        Raises:
            ValueError: no row of the root model can have that id.
            BackendError: the store does not answer.
        """
        clear: Callable[..., Awaitable[bool]] = import_string("rxgraph.sync.clearing.clear_cache")
        return await clear(cls, anchor_id)

    @classmethod
    def get_cache_ttl(cls) -> int:
        """Return the seconds a cache of this channel stays after its last viewer left."""
        ttl = cls.options.cache_ttl
        return get_settings().cache_ttl if ttl is None else ttl

    @classmethod
    def get_registered_channels(cls) -> KeysView[type[ContextChannel]]:
        """Return every declared channel: a set, in the order of their names."""
        return dict.fromkeys(registry.channels()).keys()
