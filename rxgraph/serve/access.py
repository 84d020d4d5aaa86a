"""Let one viewer in to the state of a channel, held for as long as he looks.

A single channel is one anchor; a list channel the roots that ``list_instances`` answers, in the
forest that holds those of everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import StateTree
from rxgraph.declare.channel import ContextChannel
from rxgraph.delta import State, View, see, see_list
from rxgraph.errors import NotFound
from rxgraph.serve import cursor as cursors
from rxgraph.serve.events import Stamp, has_root, stamp_for
from rxgraph.serve.gate import Admission, admit
from rxgraph.serve.hub import Attachment, Hub
from rxgraph.serve.listing import list_ids
from rxgraph.serve.replica import Receive
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.outstanding import MOMENTS
from rxgraph.types import InstanceKey

Roots = tuple[InstanceKey, ...]


@dataclass(slots=True)
class Access:
    """One viewer's hold on a state. ``detach`` the attachment when done."""

    compiled: CompiledChannel
    admission: Admission
    attachment: Attachment
    roots: Roots

    @property
    def user_id(self) -> str:
        """The viewer, as documents name owners."""
        return self.admission.user_id

    def see(self, state: State) -> View:
        """Return *state* as the viewer sees it."""
        return see_roots(self.compiled.tree, self.roots, state, self.user_id)

    def require_view(self) -> View:
        """Return the state of the replica as the viewer sees it now.

        Raises:
            NotFound: the anchor is not, or not for him.
        """
        replica = self.attachment.replica
        view = self.see(replica.state)
        if not has_root(view):
            raise NotFound(replica.missing)
        return view

    def stamp(self, settings: RxGraphSettings) -> Stamp:
        """Return what writes this viewer's cursors."""
        stamp = stamp_for(self.compiled, self.admission.key, self.user_id, settings)
        if self.compiled.tree.many:
            stamp.members = cursors.members_mark(root.id for root in self.roots)
        return stamp


async def open_access(
    hub: Hub,
    compiled: CompiledChannel,
    context: ContextChannel,
    arguments: Mapping[str, object],
    receive: Receive,
    on_admission: Callable[[Admission], None] = lambda admission: None,
) -> Access:
    """Check the viewer and hold what he asks for; *receive* is told every move from now on.

    *on_admission* is called as soon as he is let in, before anything is read.

    Raises:
        RequestError: he may not have it, or it is not there.
        BackendError: the store does not answer.
    """
    admission = await admit(compiled, context, arguments)
    on_admission(admission)
    attachment = await hub.attach(admission.key, receive)
    try:
        roots = await hold_roots(attachment, compiled, context, arguments)
        access = Access(compiled, admission, attachment, roots)
        await _catch_up(access)
        return access
    except BaseException:
        await attachment.detach()
        raise


async def _catch_up(access: Access) -> None:
    """Return when the replica contains all that was committed before the viewer was let in.

    He may have been let in by a transaction that hides something in the same moment; what the
    replica has from before it is not for him. Nor is he taken back by a server that is behind the
    one that he comes from.
    """
    if not access.roots:
        return
    replica, tree = access.attachment.replica, access.compiled.tree
    for pause in (*MOMENTS, None):
        outstanding = await access.attachment.outstanding()
        if not outstanding.is_settled(replica.generation, replica.position):
            # What is under way may have been read before, be it about what he does not see yet.
            await replica.reach(outstanding.place)
        if outstanding.named.is_nothing:
            return
        visible = frozenset(access.see(replica.state).keys())
        if not outstanding.names(tree, visible):
            return
        if pause is None:
            await access.attachment.catch_up(access.roots[0].id)
            return
        await asyncio.sleep(pause)


async def hold_roots(
    attachment: Attachment,
    compiled: CompiledChannel,
    context: ContextChannel,
    arguments: Mapping[str, object],
) -> Roots:
    """Return the roots of a viewer who was let in, held: the anchor, or what he lists.

    Raises:
        RequestError: ``list_instances`` refuses.
        BackendError: the store or the database does not answer.
    """
    if not compiled.tree.many:
        return (attachment.replica.root,)
    ids = await list_ids(compiled, context, arguments)
    await attachment.hold(ids)
    return as_roots(compiled.tree, ids)


def see_roots(tree: StateTree, roots: Roots, state: State, user_id: str) -> View:
    """Return *state* from *roots* on as the viewer sees it."""
    if tree.many:
        return see_list(tree, roots, state, user_id)
    return see(tree, roots[0], state, user_id)


def as_roots(tree: StateTree, ids: tuple[str, ...] | list[str]) -> Roots:
    """Return root ids as keys of instances."""
    typename = tree.root.typename
    return tuple(InstanceKey(typename, id_) for id_ in ids)
