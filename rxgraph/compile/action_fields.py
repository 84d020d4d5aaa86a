"""The mutations of actions: each takes the session of a live context, and runs there."""

from __future__ import annotations

from typing import Any

import strawberry

from rxgraph.compile.actions import SESSION, ActionSpec
from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.directives import ActionDirective
from rxgraph.compile.resolvers import Resolvers
from rxgraph.compile.signing import AnyInfo, channel_values, sign
from rxgraph.declare.arguments import Argument

_SESSION = Argument(
    SESSION,
    SESSION,
    strawberry.ID,
    description="`session` of an event of the live context that this runs on.",
)


def action_fields(compiled: CompiledChannel, resolvers: Resolvers) -> dict[str, Any]:
    """Return the mutations of the actions of a channel by their names."""
    return {spec.field_name: _field(compiled, spec, resolvers) for spec in compiled.actions}


def _field(compiled: CompiledChannel, spec: ActionSpec, resolvers: Resolvers) -> Any:
    arguments = [item.argument for item in spec.parameters]

    async def act(info: AnyInfo, session: str, **given: Any) -> object:
        values = channel_values(arguments, given)
        answer = await resolvers.act(info, compiled, spec, session, values)
        return None if answer is None else spec.result.show(answer)

    sign(act, arguments, spec.result.annotation, own=[_SESSION])
    return strawberry.mutation(
        resolver=act,
        name=spec.field_name,
        description=spec.description,
        directives=[ActionDirective(channel=compiled.names.field)],
    )
