"""Write what a client asked for: all of it in one transaction, or nothing.

Declared → in the context by cache → locked → in the context by SQL → as expected → no repeat →
``can_*`` → validators → written. Blocks; to be called on a thread that may use the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.db import DatabaseError, router, transaction

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.writing import WriteRequest
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.operations import Operation
from rxgraph.delta.visibility import View
from rxgraph.errors import BadRequest
from rxgraph.settings import get_settings
from rxgraph.sync.touches import touch
from rxgraph.sync.writing import asking, operations
from rxgraph.sync.writing.authority import authorise
from rxgraph.sync.writing.locking import hold
from rxgraph.sync.writing.messages import of_exception
from rxgraph.sync.writing.outcome import Outcome, Refused, Written, error
from rxgraph.sync.writing.repeats import Claim
from rxgraph.sync.writing.session import Row, Session, Target
from rxgraph.sync.writing.versions import check_version
from rxgraph.types import FOREST, MARK, RowKey

Targets = list[Target | None]


def write(
    context: ContextChannel,
    compiled: CompiledChannel,
    anchor_id: str | None,
    view: View | None,
    requests: Sequence[WriteRequest],
    *,
    client_mutation_id: str | None = None,
    commit_mark: str | None = None,
    repeat_mark: str | None = None,
    positions: Mapping[int, int] | None = None,
    ready: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Carry out *requests* in their order, and return what was written or why nothing was.

    *view* is what the user sees of the anchor in the cache (None: there is no anchor yet, a root
    is made). *positions* are the expected versions by place in *requests*, as numbers of the
    stream. *commit_mark* travels with the transaction's rows (see ``types.mark``), and
    *repeat_mark* with those of a repeat: the stream has the write when it has either. *ready* is
    told the outcome when all that is left to do is to commit it and to bring it to the caches.

    Raises:
        Unauthenticated, Forbidden: before anything is read.
        BadRequest: there are no requests, or they go to several databases.
        BackendError: the database does not answer.
    """
    authorise(compiled, context.user, requests)
    if view is not None and not _is_of(view, compiled, anchor_id):
        raise ValueError(f"the view of {view.roots} is none of {compiled.name} {anchor_id}")
    session = Session(context, compiled, anchor_id, view, _alias(requests))
    try:
        content = asking.content(compiled, anchor_id, requests, get_settings().mutation_bytes)
        claim = None
        if client_mutation_id is not None:
            asking.check_id(client_mutation_id)
            claim = Claim(session.using, session.user_id, client_mutation_id, content)
        targets, refused = _targets(session, requests)
        if refused is not None and claim is None:
            return Outcome(messages=refused.messages)
        with transaction.atomic(using=session.using):
            hold(requests[0].spec.layer.model, session.using)
            rows: dict[Target, Row] = {}
            if refused is None:
                rows, refused = _locked(session, requests, targets, positions or {})
            if claim is not None:
                window = get_settings().mutation_window
                # A deleted instance is in no context, but deleting it repeats.
                repeated = (
                    claim.take(_expected(session, requests, targets, rows), window)
                    if refused is None
                    else claim.find(window)
                )
                if repeated is not None:
                    if repeat_mark is not None:  # the first may be on its way to the stream yet
                        touch(session.using, [RowKey(MARK, repeat_mark), *session.rows(repeated)])
                    ready(repeated)
                    return repeated
            if refused is not None:
                raise refused
            results = _carry_out(session, requests, targets, rows)
            if claim is not None:
                claim.keep(results)
            if commit_mark is not None:
                touch(session.using, [RowKey(MARK, commit_mark), *session.made_roots(results)])
            outcome = Outcome(tuple(results))
            ready(outcome)
    except Refused as found:
        return Outcome(messages=found.messages)
    except Exception as cause:  # noqa: BLE001 - of a deferred constraint, at the commit
        spec = requests[-1].spec
        return Outcome(messages=of_exception(cause, spec.layer, spec.operation, view).messages)
    return outcome


def _is_of(view: View, compiled: CompiledChannel, anchor_id: str | None) -> bool:
    if view.tree is not compiled.tree:
        return False
    return anchor_id == FOREST if view.tree.many else view.root.id == anchor_id


def _alias(requests: Sequence[WriteRequest]) -> str:
    aliases = {str(router.db_for_write(request.spec.layer.model)) for request in requests}
    if len(aliases) != 1:
        found = f"go to the databases {', '.join(sorted(aliases))}" if aliases else "are none"
        raise BadRequest(f"The operations of a write share a transaction, but these {found}")
    return aliases.pop()


def _targets(session: Session, requests: Sequence[WriteRequest]) -> tuple[Targets, Refused | None]:
    """Return the row that each request is about, or why it is about none."""
    targets: Targets = []
    for place, request in enumerate(requests):
        try:
            targets.append(session.target(request))
        except Refused as refused:
            return [], refused.at(place)
    return targets, None


def _carry_out(
    session: Session,
    requests: Sequence[WriteRequest],
    targets: Targets,
    rows: Mapping[Target, Row],
) -> list[Written]:
    results: list[Written] = []
    for place, (request, target) in enumerate(zip(requests, targets, strict=True)):
        spec = request.spec
        try:
            row = rows[target] if target else None
            if target and results:  # as the requests before left it
                row = session.held(target)
            if spec.operation is Operation.CREATE:
                written = operations.create(session, request, target, row)
            elif spec.operation is Operation.SAVE and target:
                written = operations.save(session, request, target, row)
            elif target:
                written = operations.delete(session, request, target, row)
        except Exception as cause:
            refused = of_exception(cause, spec.layer, spec.operation, session.view)
            raise refused.at(place) from cause
        results.append(written)
    return results


def _locked(
    session: Session,
    requests: Sequence[WriteRequest],
    targets: Targets,
    positions: Mapping[int, int],
) -> tuple[dict[Target, Row], Refused | None]:
    """Return the rows that are needed, locked, or why they cannot be had."""
    try:
        return _lock(session, requests, targets, positions), None
    except Refused as refused:
        if isinstance(refused.__cause__, DatabaseError):  # nothing more can be asked
            raise
        return {}, refused


def _expected(
    session: Session,
    requests: Sequence[WriteRequest],
    targets: Targets,
    rows: Mapping[Target, Row],
) -> list[Written]:
    """Return what will be written if nothing moves; of what is created, nothing is known yet."""
    found = []
    for request, target in zip(requests, targets, strict=True):
        spec = request.spec
        if target is None or spec.operation is Operation.CREATE:
            return []
        parents = session.parents(spec.layer, target.key, rows[target])
        found.append(Written(spec.layer.typename, target.key.id, spec.operation, parents))
    return found


def _lock(
    session: Session,
    requests: Sequence[WriteRequest],
    targets: Targets,
    positions: Mapping[int, int],
) -> dict[Target, Row]:
    """Return every row that is needed, locked in one order for all, and as expected."""
    rows: dict[Target, Row] = {}
    places = [(target, place) for place, target in enumerate(targets) if target]
    for target, place in sorted(places, key=lambda item: _order(item[0])):
        try:
            if target not in rows:
                rows[target] = session.held(target)
            if requests[place].expected_version is not None and place not in positions:
                raise error("BAD_REQUEST", "expectedVersion is not a cursor of this state")
            if place in positions:
                check_version(session, target, positions[place])
        except Exception as cause:
            spec = requests[place].spec
            refused = of_exception(cause, spec.layer, spec.operation, session.view)
            raise refused.at(place) from cause
    return rows


def _order(target: Target) -> tuple[str, str, bool]:
    return target.layer.model_label, target.key.id, not target.is_doomed
