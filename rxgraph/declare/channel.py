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
from rxgraph.declare.problems import dotted, raise_errors
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

    # What a channel can do

    async def send(self, data: JSON) -> None:
        """Send *data* to this subscriber as a MESSAGE event; nothing when it is not live."""
        if self._live is not None:
            await self._live.send(data)

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
        for the whole list. From sync code: ``async_to_sync(ProjectChannel.clear_cache)(7)``.

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
