/** The state of a channel after an event: pure, with structural sharing. */
import type { ChannelDescriptor, ChannelTypes } from './descriptor.js';
import { Draft } from './draft.js';
import { GapError } from './errors.js';
import type { ChannelEvent } from './event.js';
import { emptyGraph, find, type Graph, type Instance } from './graph.js';
import { planOf } from './plan.js';

/** What a client knows of a channel at one cursor. */
export interface ChannelState<T extends ChannelTypes = ChannelTypes> {
  /** The nested state; null before the first snapshot, and when the anchor is gone. */
  readonly state: T['state'] | null;
  readonly runtime: T['runtime'] | null;
  /** Where to resume from; null: from a new snapshot. */
  readonly cursor: string | null;
  readonly session: string | null;
  /** The instances by type and id, for {@link instanceOf}. */
  readonly graph: Graph;
  readonly many: boolean;
}

/** Return what is known before the first event. */
export function emptyState<T extends ChannelTypes>(
  descriptor: ChannelDescriptor<T>,
): ChannelState<T> {
  const graph = emptyGraph(planOf(descriptor));
  const { many } = descriptor;
  return { state: null, runtime: null, cursor: null, session: null, graph, many };
}

/**
 * Return *previous* with *event* applied; *previous* stays as it was.
 *
 * Objects that did not change are the same objects, and an instance that occurs twice is one.
 *
 * @throws GapError when the event links to an instance that no event carried.
 */
export function applyEvent<T extends ChannelTypes>(
  previous: ChannelState<T>,
  event: ChannelEvent,
): ChannelState<T> {
  const cursor = event.kind === 'RESET' ? null : event.cursor;
  const runtime = (event.runtime as T['runtime'] | undefined) ?? previous.runtime;
  const session = event.session ?? previous.session;
  const next = { ...previous, cursor, runtime, session };
  return withGraph(next, change(previous.graph, event), Boolean(event.channel));
}

/** Return the instance of a type with an id, nested, or null. */
export function instanceOf<T extends ChannelTypes, N extends keyof T['entities'] & string>(
  { graph }: ChannelState<T>,
  typename: N,
  id: string,
): T['entities'][N] | null {
  return (find(graph, typename, id)?.value as T['entities'][N] | undefined) ?? null;
}

/** Return *state* with another graph; *isKnown*: an event has said what the roots are. */
export function withGraph<T extends ChannelTypes>(
  state: ChannelState<T>,
  graph: Graph,
  isKnown = false,
): ChannelState<T> {
  const list = isKnown || state.state !== null ? graph.values : null;
  const nested = state.many ? list : (graph.values[0] ?? null);
  return { ...state, graph, state: nested as T['state'] | null };
}

function change(graph: Graph, { kind, channel, changed, removed }: ChannelEvent): Graph {
  if (kind !== 'SNAPSHOT' && kind !== 'DELTA') return graph;
  const draft = new Draft(graph);
  for (const [name, rows] of Object.entries(changed ?? {})) {
    const layer = graph.plan.byChanges.get(name);
    if (layer) for (const row of rows as readonly Instance[]) draft.put(layer, row);
  }
  if (channel) draft.setRoots(channel.state ? [channel.state].flat() : []);
  const next = draft.finish();
  for (const { typename, nodeId } of removed ?? []) {
    if (find(next, typename, nodeId)) {
      throw new GapError(`${typename} ${nodeId} was removed, but is still linked`);
    }
  }
  return next;
}
