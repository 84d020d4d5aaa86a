/** Subscriptions that go on beside the editor, whatever runs in it. */

import { subscribe } from '../createFetcher';
import type { Headers } from '../headers';
import type { Operation } from '../operations';
import { describeEvent, type EventLine } from './describeEvent';

const KEPT_EVENTS = 100;

/** One event that came. */
export interface LiveEvent extends EventLine {
  readonly number: number;
  readonly at: Date;
  readonly bytes: number;
  readonly result: unknown;
}

/** One subscription, and the newest events first. */
export interface Watch {
  readonly id: number;
  readonly title: string;
  readonly variables: string;
  readonly light: 'connecting' | 'live' | 'ended';
  readonly events: readonly LiveEvent[];
}

let watches: readonly Watch[] = [];
let count = 0;
const stops = new Map<number, () => void>();
const listeners = new Set<() => void>();

/** Return all watches; the same list until something changes. */
export function getWatches(): readonly Watch[] {
  return watches;
}

/** Call *listener* on every change; the function returned ends that. */
export function onWatches(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begin to watch. */
export function watch(url: string, headers: Headers, operation: Operation): void {
  count += 1;
  const id = count;
  const title = operation.operationName ?? 'subscription';
  const variables = JSON.stringify(operation.variables ?? {});
  set([{ id, title, variables, light: 'connecting', events: [] }, ...watches]);
  const stop = subscribe(url, headers, operation, {
    next: (result) =>
      change(id, (one) => ({ ...one, light: 'live', events: added(one.events, result) })),
    complete: () => change(id, (one) => ({ ...one, light: 'ended' })),
    connected: (isConnected) =>
      change(id, (one) => ({ ...one, light: isConnected ? one.light : 'connecting' })),
  });
  stops.set(id, stop);
}

/** Stop a watch; its events stay to be read. */
export function stopWatch(id: number): void {
  stops.get(id)?.();
  change(id, (one) => ({ ...one, light: 'ended' }));
}

/** Stop a watch and forget it. */
export function removeWatch(id: number): void {
  stops.get(id)?.();
  stops.delete(id);
  set(watches.filter((one) => one.id !== id));
}

function added(events: readonly LiveEvent[], result: unknown): readonly LiveEvent[] {
  const event: LiveEvent = {
    ...describeEvent(result),
    number: (events[0]?.number ?? 0) + 1,
    at: new Date(),
    bytes: JSON.stringify(result).length,
    result,
  };
  return [event, ...events].slice(0, KEPT_EVENTS);
}

function change(id: number, update: (one: Watch) => Watch): void {
  set(watches.map((one) => (one.id === id ? update(one) : one)));
}

function set(next: readonly Watch[]): void {
  watches = next;
  for (const listener of listeners) listener();
}
