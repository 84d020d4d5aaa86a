/**
 * Ways to get from events to a nested state.
 *
 * Each side has `receive(event)`, which returns the nested state after it.
 */
import { applyEvent, emptyState } from '../../frontend_codegen/packages/client/dist/core/index.js';

const relationsOf = (channel, typename) => Object.entries(channel.layers[typename].relations);

export function makeOurs(channel) {
  let state = emptyState(channel);
  return {
    receive(event) {
      state = applyEvent(state, event);
      return state.state;
    },
  };
}

/** Instances by key, and the whole state nested anew for each event. */
export function makeRebuild(channel) {
  const rows = new Map();
  let root = null;
  const nest = (typename, id) => {
    const value = { ...rows.get(`${typename}:${id}`) };
    for (const [name, { type, many }] of relationsOf(channel, typename)) {
      const field = value[name];
      if (many) value[name] = field.map((item) => nest(type, item.id));
      else if (field) value[name] = nest(type, field.id);
    }
    return value;
  };
  return {
    receive(event) {
      for (const list of Object.values(event.changed)) {
        for (const row of list) rows.set(`${row.__typename}:${row.id}`, row);
      }
      if (event.channel) root = event.channel.state;
      return nest(root.__typename, root.id);
    },
  };
}

/**
 * What the StateBuilder of RxDjango's client is published to do, in words of our own.
 *
 * It keeps the latest flat copy of each instance and who refers to it; what changes drops the built
 * objects from there up to the root; reading the state builds again what was dropped.
 */
export function makeStateBuilder(channel) {
  const rows = new Map();
  const built = new Map();
  const referrers = new Map();
  let anchor = null;
  const keysIn = (row) =>
    row
      ? relationsOf(channel, row.__typename).flatMap(([name, { type }]) =>
          [row[name] ?? []].flat().map(({ id }) => `${type}:${id}`),
        )
      : [];
  const drop = (key) => {
    built.delete(key);
    for (const referrer of referrers.get(key) ?? []) drop(referrer);
  };
  const build = (key) => {
    const known = built.get(key);
    if (known) return known;
    const value = { ...rows.get(key) };
    for (const [name, { type, many }] of relationsOf(channel, value.__typename)) {
      const field = value[name];
      if (many) value[name] = field.map(({ id }) => build(`${type}:${id}`));
      else if (field) value[name] = build(`${type}:${field.id}`);
    }
    built.set(key, value);
    return value;
  };
  return {
    receive(event) {
      for (const list of Object.values(event.changed)) {
        for (const row of list) {
          const key = `${row.__typename}:${row.id}`;
          for (const child of keysIn(rows.get(key))) referrers.get(child)?.delete(key);
          for (const child of keysIn(row)) {
            if (!referrers.has(child)) referrers.set(child, new Set());
            referrers.get(child).add(key);
          }
          rows.set(key, row);
          drop(key);
        }
      }
      if (event.channel) anchor = `${event.channel.state.__typename}:${event.channel.state.id}`;
      return build(anchor);
    },
  };
}
