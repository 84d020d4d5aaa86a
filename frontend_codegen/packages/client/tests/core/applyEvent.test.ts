import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  applyEvent,
  type ChannelDescriptor,
  type ChannelEvent,
  type ChannelState,
  emptyState,
  GapError,
  instanceOf,
} from '../../src/core/index.js';

const VECTORS = new URL('../../../../../tests/vectors/', import.meta.url);

interface Vectors {
  readonly about: string;
  readonly channel: ChannelDescriptor;
  readonly steps: readonly {
    readonly note: string;
    readonly event: ChannelEvent;
    readonly state: unknown;
  }[];
}

const read = (name: string): Vectors => JSON.parse(readFileSync(new URL(name, VECTORS), 'utf8'));

const names = readdirSync(VECTORS).filter((name) => name.startsWith('events_'));

/** Every instance in a nested state by type and id; each is one object. */
function instancesIn(state: unknown, found = new Map<string, unknown>()): Map<string, unknown> {
  if (Array.isArray(state)) for (const item of state) instancesIn(item, found);
  else if (state && typeof state === 'object') {
    const { __typename, id } = state as { __typename?: string; id?: string };
    if (__typename) {
      const key = `${__typename}:${id}`;
      if (found.has(key)) expect(found.get(key)).toBe(state);
      found.set(key, state);
    }
    for (const value of Object.values(state)) instancesIn(value, found);
  }
  return found;
}

const withoutTypenames = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (name, item) => (name === '__typename' ? undefined : item)));

describe.each(names)('%s', (name) => {
  const { about, channel, steps } = read(name);

  it(`gives the states of: ${about}`, () => {
    let state = emptyState(channel);
    for (const { note, event, state: expected } of steps) {
      state = applyEvent(state, event);
      expect(withoutTypenames(state.state), note).toEqual(expected);
    }
  });

  it('shares all that did not change, lists included', () => {
    let state = emptyState(channel);
    for (const { note, event } of steps) {
      const next = applyEvent(state, event);
      const before = instancesIn(state.state);
      for (const [key, now] of instancesIn(next.state)) {
        const then = before.get(key);
        if (JSON.stringify(then) === JSON.stringify(now)) expect(now, `${note}: ${key}`).toBe(then);
        for (const [field, value] of Object.entries(now as object)) {
          const old = (then as Record<string, unknown> | undefined)?.[field];
          if (Array.isArray(value) && JSON.stringify(old) === JSON.stringify(value))
            expect(value, `${note}: ${key}.${field}`).toBe(old);
        }
      }
      if (JSON.stringify(state.state) === JSON.stringify(next.state))
        expect(next.state).toBe(state.state);
      state = next;
    }
  });

  it('leaves every earlier state as it was', () => {
    const states: [ChannelState, string][] = [[emptyState(channel), 'null']];
    for (const { event } of steps) {
      const next = applyEvent((states.at(-1) as [ChannelState, string])[0], event);
      states.push([next, JSON.stringify(next.state)]);
    }
    states.forEach(([state, text], step) => {
      expect(JSON.stringify(state.state)).toBe(text);
      const event = steps[step]?.event; // and going on from it once more gives the same
      if (event) expect(JSON.stringify(applyEvent(state, event).state)).toBe(states[step + 1]?.[1]);
    });
  });

  it('knows exactly the instances that the state leads to', () => {
    let state = emptyState(channel);
    for (const { event } of steps) {
      state = applyEvent(state, event);
      const found = instancesIn(state.state);
      expect(state.graph.size).toBe(found.size);
      for (const [key, value] of found) {
        const [typename, id] = key.split(':') as [never, string];
        expect(instanceOf(state, typename, id)).toBe(value);
      }
    }
  });
});

describe('applyEvent', () => {
  const { channel } = read('events_single.json');
  const person = { __typename: 'Person', id: '1', name: 'Ann' };
  const board = {
    __typename: 'Board',
    id: '1',
    name: 'Garden',
    columns: [],
    lead: { __typename: 'Person', id: '1' },
  };
  const snapshot = {
    kind: 'SNAPSHOT',
    cursor: 'c1',
    channel: { state: { id: '1' } },
    changed: { boards: [board], people: [person] },
  } as const satisfies ChannelEvent;

  it('says which instance the server never told', () => {
    const event = { ...snapshot, changed: { boards: [board] } };
    expect(() => applyEvent(emptyState(channel), event)).toThrow(
      new GapError('Person:1 is linked, but was never told'),
    );
  });

  it('says which instance was removed while something leads to it', () => {
    const state = applyEvent(emptyState(channel), snapshot);
    const removed = [{ typename: 'Person', nodeId: '1', reason: 'DELETED' }] as const;
    expect(() => applyEvent(state, { kind: 'DELTA', cursor: 'c2', changed: {}, removed })).toThrow(
      new GapError('Person 1 was removed, but is still linked'),
    );
  });

  it('takes JSON that looks like a reference for what it is', () => {
    const extra = { __typename: 'Board', id: '1' };
    const event = { ...snapshot, changed: { boards: [board], people: [{ ...person, extra }] } };
    const { state } = applyEvent(emptyState(channel), event);
    expect(state).toMatchObject({ lead: { extra: { __typename: 'Board', id: '1' } } });
    expect(Object.keys((state as { lead: { extra: object } }).lead.extra)).toHaveLength(2);
  });

  it('keeps the runtime state until another comes, and forgets the cursor on RESET', () => {
    let state = applyEvent(emptyState(channel), { ...snapshot, runtime: { viewers: 1 } });
    state = applyEvent(state, { kind: 'MESSAGE', cursor: 'c2' });
    expect(state).toMatchObject({ runtime: { viewers: 1 }, cursor: 'c2' });
    const before = state;
    state = applyEvent(state, { kind: 'RESET', cursor: 'c3', runtime: { viewers: 2 } });
    expect(state).toMatchObject({ runtime: { viewers: 2 }, cursor: null });
    expect(state.state).toBe(before.state);
  });

  it('does not grow with instances that came and went', () => {
    let state = applyEvent(emptyState(channel), snapshot);
    for (let number = 0; number < 20_000; number += 1) {
      const column = { __typename: 'Column', id: String(number), cards: [] };
      state = applyEvent(state, {
        kind: 'DELTA',
        cursor: `c${number}`,
        changed: {
          boards: [{ ...board, columns: [{ __typename: 'Column', id: column.id }] }],
          columns: [column],
        },
      });
    }
    expect(state.graph.size).toBe(3);
    expect(state.graph.slots.size).toBeLessThan(2_000);
    expect(state.state).toMatchObject({ columns: [{ id: '19999' }], lead: person });
  });
});
