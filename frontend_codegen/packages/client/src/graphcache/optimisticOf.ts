import type { ChannelDescriptor, LayerDescriptor } from '../core/descriptor.js';
import type { CacheView, OptimisticResolvers, OptimisticResult } from './cacheView.js';
import { fieldsOf } from './fieldsOf.js';
import { holdersOf } from './holdersOf.js';

interface WriteArguments {
  readonly id?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly parent?: Readonly<Record<string, string>>;
  readonly clientMutationId?: string | null;
}

interface Write {
  readonly channel: ChannelDescriptor;
  readonly typename: string;
  readonly layer: LayerDescriptor;
  /** Of the mutation, and of the field of its payload that holds the instance. */
  readonly field: string;
  readonly instance: string;
}

type Answer = (write: Write, args: WriteArguments, cache: CacheView) => object | null;

const ANSWERS: Readonly<Record<'save' | 'create' | 'delete', Answer>> = {
  save: answerSave,
  create: answerCreate,
  delete: answerDelete,
};

/**
 * Return what Graphcache shows before the server has answered, for the writes of all layers whose
 * serializer says `optimistic`: `cacheExchange({ optimistic: optimisticOf(projectChannel) })`.
 *
 * A new instance that cannot be shown whole, because a relation that is never null is the server's
 * to fill in, appears with the server's answer.
 */
export function optimisticOf(...channels: readonly ChannelDescriptor[]): OptimisticResolvers {
  const found: OptimisticResolvers = {};
  for (const channel of channels) {
    for (const [typename, writes] of Object.entries(channel.writes)) {
      const layer = channel.layers[typename];
      if (!layer?.optimistic) continue;
      for (const verb of ['save', 'create', 'delete'] as const) {
        const write = writes[verb];
        if (!write) continue;
        const { field, instance } = write;
        found[field] = (args: WriteArguments, cache) => {
          const answer = ANSWERS[verb]({ channel, typename, layer, field, instance }, args, cache);
          return answer && { ...payloadOf(field, args), ...answer };
        };
      }
    }
  }
  return found;
}

function payloadOf(field: string, { clientMutationId = null }: WriteArguments): OptimisticResult {
  return {
    __typename: `${field.charAt(0).toUpperCase()}${field.slice(1)}Payload`,
    cursor: null,
    clientMutationId,
    messages: [],
    parents: null,
  };
}

function answerSave({ typename, layer, instance }: Write, { id, data = {} }: WriteArguments) {
  return { [instance]: { __typename: typename, id, ...fieldsOf(layer, data) } };
}

let created = 0;

function answerCreate(
  { channel, typename, layer, instance }: Write,
  { data = {}, parent = {} }: WriteArguments,
  cache: CacheView,
) {
  const now = new Date().toISOString();
  const made: OptimisticResult = {
    __typename: typename,
    id: `optimistic:${created + 1}`,
    ...layer.empty,
    ...Object.fromEntries(layer.clocks.map((name) => [name, now])),
    ...fieldsOf(layer, data),
  };
  if (Object.keys(layer.relations).some((name) => made[name] === undefined)) return null;
  created += 1;
  const parents = emptyParents(channel, typename);
  for (const [parentType, { changes, relations }] of Object.entries(channel.layers)) {
    for (const [name, { type, many, parentKey }] of Object.entries(relations)) {
      const id = type === typename && parentKey !== undefined ? parent[parentKey] : undefined;
      if (id === undefined) continue;
      const link = { __typename: typename, id: made.id };
      const known = cache.resolve({ __typename: parentType, id }, name);
      if (known === undefined) return null;
      parents[changes]?.push({
        __typename: parentType,
        id,
        [name]: many ? [...linksOf(known, typename), link] : link,
      });
    }
  }
  return { [instance]: made, parents: parentsOf(channel, parents) };
}

function answerDelete(
  { channel, typename, instance }: Write,
  { id = '' }: WriteArguments,
  cache: CacheView,
) {
  const parents = emptyParents(channel, typename);
  for (const { parentType, parentId, name, value } of holdersOf(channel, cache, typename, id)) {
    const left = Array.isArray(value)
      ? linksOf(value, typename).filter((link) => link.id !== id)
      : null;
    parents[channel.layers[parentType]?.changes ?? '']?.push({
      __typename: parentType,
      id: parentId,
      [name]: left,
    });
  }
  return { [instance]: id, parents: parentsOf(channel, parents) };
}

function parentsOf({ typename }: ChannelDescriptor, lists: Record<string, object[]>) {
  return { __typename: `${typename}Changes`, ...lists };
}

/** A list for each layer that can hold instances of a type: what the documents select. */
function emptyParents(channel: ChannelDescriptor, typename: string): Record<string, object[]> {
  const holding = Object.values(channel.layers).filter(({ relations }) =>
    Object.values(relations).some(({ type }) => type === typename),
  );
  return Object.fromEntries(holding.map(({ changes }) => [changes, []]));
}

/** Graphcache's keys of instances as links: `"Task:7"`. */
function linksOf(keys: unknown, typename: string): { __typename: string; id: string }[] {
  return (Array.isArray(keys) ? keys : [])
    .filter((key): key is string => typeof key === 'string')
    .map((key) => ({ __typename: typename, id: key.slice(typename.length + 1) }));
}
