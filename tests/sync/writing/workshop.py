"""Write as a client of the workshop does, with what it sees in the cache at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from rxgraph.cache.reading import Reading, read_documents
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.compile.writing import WriteRequest, WriteSpec
from rxgraph.declare.operations import Operation
from rxgraph.delta import apply, see
from rxgraph.delta.visibility import View
from rxgraph.sync.engine import get_engine
from rxgraph.sync.heating import Warmth
from rxgraph.sync.writing import Message, Outcome, write
from rxgraph.types import AnchorKey, InstanceKey
from tests.sync.writing.app.declared import BenchChannel
from tests.sync.writing.app.models import Bench, Job, Memo, Sheet, Tool, Vice


class Workshop:
    """Two benches, ours and the others', seen by ann; bob owns a private memo of the same job."""

    def __init__(self, channel: type[ContextChannel] = BenchChannel) -> None:
        self.ann, self.bob = (User.objects.create(username=name) for name in ("ann", "bob"))
        self.bench, self.other = (Bench.objects.create(name=name) for name in ("ours", "others"))
        self.saw, self.file, self.foreign = (
            Tool.objects.create(name=name, is_sharp=name != "file")
            for name in ("saw", "file", "foreign")
        )
        self.job = Job.objects.create(bench=self.bench, title="shelf")
        self.second = Job.objects.create(bench=self.bench, title="chair")
        self.hidden = Job.objects.create(bench=self.other, title="boat")
        self.job.tools.add(self.saw)
        self.second.tools.add(self.file)
        self.hidden.tools.add(self.foreign)
        self.sheet = Sheet.objects.create(job=self.second, text="plan")
        self.memo = Memo.objects.create(job=self.job, owner=self.ann, body="mine")
        self.secret = Memo.objects.create(job=self.job, owner=self.bob, body="his")
        self.use(channel)

    def use(self, channel: type[ContextChannel]) -> None:
        """Go on with another channel."""
        self.channel = channel
        self.compiled: CompiledChannel = compile_channel(channel)

    def view(self, user: User | None = None, bench: Bench | None = None) -> View:
        """Return what *user* (ann) sees of the bench (ours)."""
        engine = get_engine()
        engine.is_serving = True
        key = AnchorKey(self.compiled.name, str((bench or self.bench).pk))
        assert engine.heat(key) in (Warmth.HOT, *Warmth)
        reading = engine.run(read_documents(key))
        assert isinstance(reading, Reading)
        self.position = reading.anchor.done
        root = InstanceKey(self.compiled.tree.root.typename, key.anchor_id)
        state = apply({}, reading.documents)
        return see(self.compiled.tree, root, state, str((user or self.ann).pk))

    def spec(self, operation: str, typename: str) -> WriteSpec:
        """Return what is declared."""
        found = self.compiled.write_spec(typename, Operation(operation))
        assert found is not None
        return found

    def request(
        self,
        operation: str,
        typename: str,
        id_: Any = None,
        data: Mapping[str, Any] | None = None,
        *,
        parent: tuple[str, Any] | None = None,
        **more: Any,
    ) -> WriteRequest:
        """Return a request; *parent* is a relation ``"Job.tools"`` and the parent's id."""
        spec = self.spec(operation, typename)
        where, parent_id = None, None
        if parent is not None:
            where = next(
                item for item in spec.parents if f"{item.parent}.{item.relation.name}" == parent[0]
            )
            parent_id = str(parent[1]) if isinstance(parent[1], int) else parent[1]
        id_ = str(id_) if isinstance(id_, int) else id_
        return WriteRequest(
            spec, id=id_, parent=where, parent_id=parent_id, data=data or {}, **more
        )

    def write(
        self,
        *requests: WriteRequest,
        user: User | None = None,
        view: View | None = None,
        **more: Any,
    ) -> Outcome:
        """Write as *user*, who sees *view*: by default what the cache says now."""
        who = user or self.ann
        seen = view or self.view(who)
        context = self.channel(who, {"bench_id": int(seen.root.id)})
        return write(context, self.compiled, seen.root.id, seen, requests, **more)

    def save(self, instance: Any, data: Mapping[str, Any], **more: Any) -> Outcome:
        """Save an instance."""
        return self.write(self.request("SAVE", type(instance).__name__, instance.pk, data), **more)

    def make_bench(self, data: Mapping[str, Any], **more: Any) -> Outcome:
        """Create a root."""
        context = self.channel(self.ann, {})
        request = self.request("CREATE", "Bench", data=data)
        return write(context, self.compiled, None, None, [request], **more)


def told(outcome: Outcome) -> list[tuple[str | None, str | None]]:
    """Return the field and code of every message."""
    return [(message.field, message.code) for message in outcome.messages]


def only(outcome: Outcome) -> Message:
    """Return the only message of a write that wrote nothing."""
    assert outcome.results == ()
    (message,) = outcome.messages
    return message


__all__ = ["Bench", "Job", "Memo", "Sheet", "Tool", "Vice", "Workshop", "only", "told"]
