import { useSyncExternalStore } from 'react';
import type { ChannelTypes, LiveInstance } from '../core/index.js';
import type { WritableConnection } from '../writes/index.js';

/**
 * Return one live instance of *channel*, or null; only its own changes render again.
 *
 * ```tsx
 * const task = useInstance(channel, 'Task', id);
 * ```
 */
export function useInstance<T extends ChannelTypes, N extends keyof T['entities'] & string>(
  channel: WritableConnection<T>,
  typename: N,
  id: string,
): LiveInstance<T, N> | null {
  const read = () => channel.instance(typename, id);
  return useSyncExternalStore(channel.subscribe, read, read);
}
