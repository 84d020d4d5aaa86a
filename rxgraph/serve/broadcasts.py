"""What this process does when something is told to its live contexts from anywhere."""

from __future__ import annotations

import asyncio

from rxgraph.serve.contexts import Contexts
from rxgraph.serve.signals import Signals
from rxgraph.sync.broadcasting import NOTIFY, REVOKE, SYSTEM, system_message
from rxgraph.sync.signals import Signal
from rxgraph.sync.signing_out import SIGNED_OUT

_LATER_SECONDS = 1.0  # Django tells of a logout before the session is gone


class Broadcasts:
    """The handlers of ``sync.broadcasting``; each runs to its end before anything else is told."""

    def __init__(self, contexts: Contexts, signals: Signals) -> None:
        self._contexts = contexts
        signals.on(NOTIFY, self._notify)
        signals.on(REVOKE, self._revoke)
        signals.on(SYSTEM, self._announce)
        signals.on(SIGNED_OUT, self._sign_out)

    def _notify(self, signal: Signal) -> None:
        user_id, anchor_id = signal.body["user"], signal.body["anchor"]
        for stream in self._contexts.of_anchor(signal.key):
            if user_id in (None, stream.user_id) and stream.shows(anchor_id):
                stream.tell(signal.body["data"])

    def _revoke(self, signal: Signal) -> None:
        user_id, anchors = signal.body["user"], signal.body["anchors"]
        self._contexts.doubt(user_id)
        for stream in self._contexts.of_user(user_id):
            anchor_id = anchors.get(stream.compiled.name, "")
            if anchor_id is None or (anchor_id and stream.may_show(anchor_id)):
                stream.doubt()

    def _sign_out(self, signal: Signal) -> None:
        user_id, session = signal.body["user"], signal.body["session"]
        if session is not None:
            self._contexts.end_session(session)
        self._doubt(user_id)
        if session is not None:  # where a hook says who has this session, it has to be asked later
            asyncio.get_running_loop().call_later(_LATER_SECONDS, self._doubt, user_id)

    def _doubt(self, user_id: str) -> None:
        self._contexts.doubt(user_id)
        for stream in self._contexts.of_user(user_id):
            stream.doubt()

    def _announce(self, signal: Signal) -> None:
        data = system_message(signal.body["kind"], signal.body["message"])
        for stream in self._contexts:
            stream.tell(data)
