"""One random play: people connect, ask, write and lose access, while everything is recorded.

The verdict is that of ``oracle``: each id and each text that somebody received must be one that he
might see in some state between asking and receiving, or wrote himself.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from rxgraph.testing import document_for, mutation_for, query_for
from tests.isolation import work
from tests.isolation.oracle import Rows, shared, tokens_in, visible
from tests.isolation.sockets import Operation, Recorder
from tests.isolation.worlds import OWNER, TEXT, World

NAMES = ("ann", "bob", "eve")
GRAPHS = ("vault", "shelf", "pile")
REGAIN_SECONDS = 0.1
REFUSALS = {"FORBIDDEN", "NOT_FOUND"}  # whoever gets another error has asked for nothing


class Leak(AssertionError):
    """Somebody received what is not for him."""


class Venue(Protocol):
    """Where a play takes place."""

    #: How long a process may take to hear that somebody lost access.
    grace_seconds: float
    source: Any  # what documents are written from: a schema

    @property
    def urls(self) -> list[str]:
        """The servers, as ``127.0.0.1:8000``."""

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function of ``work`` in some process of the application."""


@dataclass
class Score:
    """What was done and looked at."""

    steps: int = 0
    frames: int = 0
    tokens: int = 0
    received: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in NAMES})


class Play:
    """One random play in a *world*."""

    def __init__(self, rng: random.Random, world: World, venue: Venue) -> None:
        self.rng, self.world, self.venue = rng, world, venue
        self.score = Score()
        self.states: list[dict[str, dict[str, set[str]]]] = []  # by user, by scope
        self.shared: list[dict[str, set[str]]] = []  # by scope
        self.rows: Rows = {}
        self.ids: dict[str, int] = {}
        self.tokens = {name: rng.randbytes(20).hex() for name in NAMES}
        self.own: dict[str, set[str]] = {name: {self._text()} for name in NAMES}
        self.sockets: list[Recorder] = []
        self.streams: list[tuple[Recorder, Operation]] = []
        self.operations: list[Operation] = []
        self.cursors: dict[tuple[str, str, str], list[str]] = {}  # by user, document, project
        self.sessions: dict[str, Operation] = {}  # session: the stream that it is of
        self._documents: dict[tuple[str, ...], str] = {}

    # -- names

    def _id(self) -> int:
        return 7 * 10**12 + self.rng.randrange(10**12)

    def _text(self) -> str:
        return f"q{self.rng.randrange(16**12):012x}z"

    def _pick(self, name: str) -> Any:
        """Return the id of some row; of one that is not there when there is none."""
        rows = self.rows[name]
        return self.rng.choice(rows)["id"] if rows else self._id()

    def _user(self) -> str:
        return self.rng.choices(NAMES, (4, 4, 1))[0]

    def _document(self, kind: Callable[..., str], field_: str) -> str:
        key = (kind.__name__, field_)
        if key not in self._documents:
            self._documents[key] = kind(self.venue.source, field_)
        return self._documents[key]

    # -- the play

    async def perform(self, steps: int) -> Score:
        """Play, and judge.

        Raises:
            Leak: somebody received what is not for him.
        """
        people = [[name, self.tokens[name], next(iter(self.own[name]))] for name in NAMES]
        self.ids = await self.venue.call(work.people, people)
        for _ in range(4):
            await self._write([self._creation("project")])
        await self._write([self._creation(name) for name in ("label", "task", "task")])
        for _ in range(6):
            await self._write([self._creation(self.rng.choice(["task", "comment", "note"]))])
        try:
            for _ in range(steps):
                self.score.steps += 1
                await self.rng.choices(*zip(*self._moves(), strict=True))[0]()
                if self.rng.random() < 0.5:
                    await asyncio.sleep(self.rng.choice([0, 0, 0.005, 0.02]))
                self._judge()
            await asyncio.sleep(0.15)
        finally:
            for socket in self.sockets:
                await socket.close()
        self._judge()
        return self.score

    def _moves(self) -> list[tuple[Any, float]]:
        return [
            (self._work, 10),
            (self._subscribe, 4),
            (self._stop, 1),
            (self._return, 2),
            (self._query, 3),
            (self._mutate, 4),
            (self._act, 1),
            (self._point, 1),
            (self._oust, 2),
        ]

    # -- what the application does

    async def _write(self, steps: list[list[Any]]) -> None:
        what = {step[0] for step in steps}
        has_new_owner = any("owner_id" in part for step in steps for part in step[3:])
        if has_new_owner or "join" in what:
            # Whoever lost access and has it again before that was asked counts as a reader all
            # along: let it be asked first.
            await asyncio.sleep(REGAIN_SECONDS)
        self.rows = await self.venue.call(work.run, steps)
        if has_new_owner or "leave" in what:
            await asyncio.sleep(self.venue.grace_seconds)
        state = {name: visible(self.world, self.rows, self.ids[name]) for name in NAMES}
        self.states.append(state)
        self.shared.append(shared(self.world, self.rows))

    async def _work(self) -> None:
        steps = [self._step() for _ in range(self.rng.choice([1, 1, 1, 2, 4]))]
        await self._write(steps)

    def _step(self) -> list[Any]:
        rng, name = self.rng, self.rng.choice(["project", "task", "comment", "note", "label"])
        some = ["create", "text", "text", "text", "owner", "owner", "move", "delete", "update"]
        match rng.choice([*some, "join", "leave", "tag", "untag", "notify"]):
            case "create":
                return self._creation(name)
            case "owner" if name in OWNER:
                return ["save", name, self._pick(name), self._owned(name)]
            case "move" if name == "task":
                return ["save", name, self._pick(name), {"project_id": self._pick("project")}]
            case "move" if name in ("comment", "note"):
                return ["save", name, self._pick(name), {"task_id": self._pick("task")}]
            case "delete" if name != "project" or rng.random() < 0.3:
                return ["delete", name, self._pick(name)]
            case "update" if name not in ("label", "project"):
                pks = [row["id"] for row in self.rows[name] if rng.random() < 0.5]
                return ["update", name, pks, {TEXT[name]: self._text()}]
            case "join" | "leave" as what:
                return [what, self._pick("project"), self.ids[self._user()]]
            case "tag" | "untag" as what:
                return [what, self._pick("task"), self._pick("label")]
            case "notify":
                user, text = self._user(), self._text()
                self.own[user].add(text)
                return ["notify", self._pick("project"), self.ids[user], text]
        return ["save", name, self._pick(name), {TEXT[name]: self._text()}]

    def _owned(self, name: str) -> dict[str, Any]:
        owner = self.ids[self.rng.choice(NAMES[:2])]
        nobody = name == "task" and self.rng.random() < 0.3
        return {f"{OWNER[name]}_id": None if nobody else owner}

    def _creation(self, name: str) -> list[Any]:
        data: dict[str, Any] = {TEXT[name]: self._text()}
        if name in OWNER:
            data.update(self._owned(name))
        if name == "task":
            data["project_id"] = self._pick("project")
        if name in ("comment", "note"):
            data["task_id"] = self._pick("task")
        is_orphan = name in ("comment", "note") and not self.rows["task"]
        if is_orphan or (name == "task" and not self.rows["project"]):
            return self._creation("project")
        return ["create", name, self._id(), data]

    # -- what people do

    async def _socket(self, user: str) -> Recorder:
        mine = [socket for socket in self.sockets if socket.user == user]
        if mine and (len(mine) > 2 or self.rng.random() < 0.7):
            return self.rng.choice(mine)
        url = f"ws://{self.rng.choice(self.venue.urls)}/graphql"
        made = Recorder(url, user, self.tokens[user], lambda: len(self.states))
        await made.open()
        self.sockets.append(made)
        return made

    def _operation(
        self, user: str, document: str, variables: dict[str, Any], since: int | None = None
    ) -> Operation:
        scope = f"vault {variables['projectId']}" if "projectId" in variables else "list"
        begun = len(self.states) - 1 if since is None else since
        made = Operation(user, scope, document, variables, begun)
        self.operations.append(made)
        return made

    def _asked(self, graph: str, user: str) -> dict[str, Any]:
        if graph != "vault":
            return {}
        his = [scope.split()[1] for scope in self.states[-1][user] if scope != "list"]
        what = self.rng.random()
        if what < 0.6 and his:
            return {"projectId": self.rng.choice(his)}
        return {"projectId": str(self._pick("project") if what < 0.95 else self._id())}

    async def _subscribe(self) -> None:
        user, graph = self._user(), self.rng.choice(GRAPHS)
        document, since = self._document(document_for, graph), None
        variables = self._asked(graph, user)
        self._collect()
        if self.cursors and self.rng.random() < 0.6:  # his own cursor, or anybody's
            known = self.rng.choice(list(self.cursors))
            whose, document, project = known
            user = whose if self.rng.random() < 0.8 else user
            variables = {"projectId": project} if project else {}
            variables["after"] = self.rng.choice(self.cursors[known])
            since = 0
        socket = await self._socket(user)
        operation = self._operation(user, document, variables, since)
        operation.is_stream = True
        await socket.start(operation)
        self.streams.append((socket, operation))

    def _collect(self) -> None:
        """Take cursors and sessions from what came so far."""
        for _, operation in self.streams:
            project = operation.variables.get("projectId", "")
            known = self.cursors.setdefault((operation.user, operation.document, project), [])
            for event in operation.events():
                if event["cursor"] not in known:
                    known.append(event["cursor"])
                self.sessions[event["session"]] = operation
        self.cursors = {key: some for key, some in self.cursors.items() if some}

    async def _return(self) -> None:
        """Somebody goes away, a project changes under him, and he comes back where he was."""
        self._collect()
        known = [key for key in self.cursors if key[2] or self.rng.random() < 0.3]
        if not known:
            return
        user, document, project = self.rng.choice(known)
        after = self.cursors[user, document, project][-1]
        for socket, operation in list(self.streams):
            if (operation.user, operation.document) == (user, document):
                await socket.stop(operation)
                self.streams.remove((socket, operation))
        for _ in range(3):
            await self._write([self._step_below(int(project or 0))])
        variables = {"after": after, **({"projectId": project} if project else {})}
        socket = await self._socket(user)
        operation = self._operation(user, document, variables, 0)
        operation.is_stream = True
        await socket.start(operation)
        self.streams.append((socket, operation))

    def _step_below(self, project: int) -> list[Any]:
        """Return a step that is about something below *project*, where there is something."""
        tasks = [row["id"] for row in self.rows["task"] if row["project"] == project]
        below = [
            (name, row["id"])
            for name in ("comment", "note")
            for row in self.rows[name]
            if row["task"] in tasks
        ]
        if not below:
            return self._step()
        name, pk = self.rng.choice(below)
        if self.rng.random() < 0.5:
            return ["delete", name, pk]
        return ["save", name, pk, {TEXT[name]: self._text(), **self._owned(name)}]

    def _watched(self) -> list[tuple[Operation, int]]:
        """Return who watches which project now: the stream, and the id of the project."""
        state, found = self.states[-1], []
        for _, stream in self.streams:
            if stream.ended.is_set() or not stream.events():
                continue
            for row in self.rows["project"]:
                scope = f"vault {row['id']}"
                if scope in state[stream.user] and stream.scope in ("list", scope):
                    found.append((stream, row["id"]))
        return found

    async def _point(self) -> None:
        """Somebody is told something, where another one watches."""
        if watched := [(who, it) for who, it in self._watched() if who.scope != "list"]:
            stream, project = self.rng.choice(watched)
            user, text = self._another(stream.user), self._text()
            self.own[user].add(text)
            await self._write([["notify", project, self.ids[user], text]])

    async def _oust(self) -> None:
        """Whoever watches a project is let in no more, and it goes on."""
        if not (watched := self._watched()):
            return
        stream, project = self.rng.choice(watched)
        user, heir = self.ids[stream.user], self.ids[self._another(stream.user)]
        steps: list[list[Any]] = [["leave", project, user]]
        if any(row["id"] == project and row["owner"] == user for row in self.rows["project"]):
            steps.append(["save", "project", project, {"owner_id": heir}])
        await self._write(steps)
        for _ in range(2):
            name = {TEXT["project"]: self._text()}
            await self._write([self._step_below(project), ["save", "project", project, name]])
        if self.rng.random() < 0.3:
            await self._write([["delete", "project", project]])

    def _another(self, user: str) -> str:
        return self.rng.choice([name for name in NAMES if name != user])

    async def _stop(self) -> None:
        if self.streams:
            socket, operation = self.streams.pop(self.rng.randrange(len(self.streams)))
            if self.rng.random() < 0.8 or len(self.sockets) < 2:
                await socket.stop(operation)
            else:
                await socket.close()
                self.sockets.remove(socket)
                self.streams = [item for item in self.streams if item[0] is not socket]

    async def _query(self) -> None:
        user, graph = self._user(), self.rng.choice(GRAPHS)
        document = self._document(query_for, graph)
        operation = self._operation(user, document, self._asked(graph, user))
        await self._answer(operation)

    async def _answer(self, operation: Operation) -> None:
        """Send *operation* over a socket or over HTTP, and wait for its answer."""
        if self.rng.random() < 0.6:
            await (await self._socket(operation.user)).run(operation)
            return
        url = f"http://{self.rng.choice(self.venue.urls)}/graphql"
        body = {"query": operation.document, "variables": operation.variables}
        headers = {"Authorization": f"Token {self.tokens[operation.user]}"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            answer = await client.post(url, json=body)
        frame = json.dumps({"type": "next", "payload": json.loads(answer.text)})
        operation.frames.append((len(self.states), frame))

    async def _mutate(self) -> None:
        rng, user = self.rng, self._user()
        names = [*self.world.nested, "task", "project"]
        name, graph = rng.choice(names), rng.choice(GRAPHS)
        variables: dict[str, Any] = self._asked(graph, user)
        variables["id"] = str(self._pick(name))
        what = rng.choice(["Save", "Save", "Delete", "Create"])
        if what == "Delete" and name == "project":
            what = "Save"
        if what == "Create" and name in ("project", "label"):
            what = "Save"
        if what != "Delete":
            variables["data"] = {TEXT[name]: self._text()}
        if what == "Create":
            del variables["id"]
            parent = "project" if name == "task" else "task"
            variables["parent"] = {f"own{parent.title()}": str(self._pick(parent))}
        if rng.random() < 0.5:
            variables["clientMutationId"] = self._text()
            self.own[user].add(variables["clientMutationId"])
        document = self._document(mutation_for, f"{graph}{what}Own{name.title()}")
        operation = self._operation(user, document, variables)
        may_watch = operation.scope in self.states[-1][user]
        await self._answer(operation)
        await self._write([])  # what it did is a state of its own
        if not may_watch and any(event["messages"] == [] for event in operation.events()):
            raise Leak(f"{user} wrote to {operation.scope}, which he may not watch: {variables}")

    async def _act(self) -> None:
        self._collect()
        if not self.sessions:
            return
        session, stream = self.rng.choice(list(self.sessions.items()))
        begun = stream.document
        graph = next(name for name in GRAPHS if f"{name}(" in begun or f" {name} " in begun)
        user, text = (stream.user if self.rng.random() < 0.6 else self._user()), self._text()
        self.own[user].add(text)
        document = self._document(mutation_for, f"{graph}Echo")
        operation = self._operation(user, document, {"session": session, "text": text})
        if user == stream.user:
            operation.scope, operation.stream = stream.scope, stream
        await self._answer(operation)

    # -- the verdict

    def _judge(self) -> None:
        secrets = {token: name for name, token in self.tokens.items()}
        for operation in self.operations:
            fresh = operation.frames[operation.judged :]
            operation.judged += len(fresh)
            for received, text in fresh:
                self.score.frames += 1
                for token, owner in secrets.items():
                    if token in text:
                        raise Leak(f"{operation.user} received the token of {owner}: {text}")
                found = tokens_in(text)
                self.score.tokens += len(found)
                self.score.received[operation.user] |= found
                self._judge_frame(operation, received, text, found)
            codes = set(operation.codes() if fresh else ())
            if strange := codes - REFUSALS:
                raise AssertionError(f"{operation.document} was answered with {strange}")
            if self.world.is_secret and operation.scope != "list" and "FORBIDDEN" in codes:
                raise Leak(f"{operation.user} was told that {operation.scope} exists")
        for socket in self.sockets:
            if extra := tokens_in("".join(socket.other_frames)):
                raise Leak(f"{socket.user} received {extra} outside of any operation")

    def _judge_frame(self, operation: Operation, received: int, text: str, found: set[str]) -> None:
        allowed = operation.sent | self.own[operation.user]
        for state in self.states[operation.since : received + 1]:
            allowed |= state[operation.user].get(operation.scope, set())
        strange = found - allowed
        if strange and "after" in operation.variables:
            strange -= self._gone(operation, received, text)
        if strange:
            raise Leak(
                f"{operation.user} asked for {operation.scope} ({operation.variables}) and"
                f" received {sorted(strange)}, which he might not see: {text}"
            )
        for session, stream in self.sessions.items():
            is_strange = stream.user != operation.user and session not in str(operation.variables)
            if is_strange and session in text:
                raise Leak(f"{operation.user} received a session of {stream.user}: {text}")

    def _gone(self, operation: Operation, received: int, text: str) -> set[str]:
        """Return ids that *text* says are gone, and that were never private.

        Whoever comes back counts as a reader all along: he had access when he was given the cursor.
        """
        [event] = json.loads(text)["payload"]["data"].values()
        gone = {item["nodeId"] for item in event["removed"]}
        states = self.shared[operation.since : received + 1]
        return gone & set[str]().union(*(state.get(operation.scope, ()) for state in states))
