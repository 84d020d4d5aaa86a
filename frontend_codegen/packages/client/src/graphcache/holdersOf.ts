import type { ChannelDescriptor } from '../core/descriptor.js';
import type { CacheView } from './cacheView.js';

/** A relation of an instance in the cache; *value*: a key or a list of keys. */
export interface Holder {
  readonly parentType: string;
  readonly parentId: string;
  readonly name: string;
  readonly value: unknown;
}

/** Return the relations that lead to an instance, in all states of a channel that are cached. */
export function holdersOf(
  channel: ChannelDescriptor,
  cache: CacheView,
  typename: string,
  id: string,
): Holder[] {
  const wanted = `${typename}:${id}`;
  const found: Holder[] = [];
  const seen = new Set<string>();
  const waiting = rootsOf(channel, cache);
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (seen.has(key)) continue;
    seen.add(key);
    const parentType = key.slice(0, key.indexOf(':'));
    const parentId = key.slice(parentType.length + 1);
    for (const [name, { type }] of Object.entries(channel.layers[parentType]?.relations ?? {})) {
      const value = cache.resolve(key, name);
      const keys = keysOf(value);
      waiting.push(...keys);
      if (type === typename && keys.includes(wanted)) {
        found.push({ parentType, parentId, name, value });
      }
    }
  }
  return found;
}

function rootsOf(channel: ChannelDescriptor, cache: CacheView): string[] {
  return cache
    .inspectFields('Query')
    .filter(({ fieldName }) => fieldName === channel.field)
    .flatMap(({ fieldKey }) => keysOf(cache.resolve('Query', fieldKey)))
    .flatMap((context) => keysOf(cache.resolve(context, 'state')));
}

function keysOf(value: unknown): string[] {
  return [value].flat().filter((key): key is string => typeof key === 'string');
}
