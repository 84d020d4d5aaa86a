import { useMemo } from 'react';
import { useClient } from 'urql';
import type { ChannelDescriptor, ChannelTypes, WatchedSocket } from '../core/index.js';
import { channelFor, keyOf } from '../react/channelFor.js';
import { useSocket } from '../react/SocketProvider.js';
import { type UseChannelOptions, type UsedChannel, useConnection } from '../react/useConnection.js';
import { urqlTransport } from './urqlTransport.js';

/** Options of {@link useChannel}. */
export interface UseUrqlChannelOptions<T extends ChannelTypes> extends UseChannelOptions<T> {
  /** @defaultValue that of the client's liveExchange */
  readonly socket?: WatchedSocket;
}

/**
 * Show a channel live, over urql; a Graphcache is kept right for all other queries.
 *
 * ```tsx
 * const { state, connected } = useChannel(projectChannel, { projectId: 1 });
 * ```
 */
export function useChannel<T extends ChannelTypes>(
  descriptor: ChannelDescriptor<T>,
  variables: T['variables'],
  options: UseUrqlChannelOptions<T> = {},
): UsedChannel<T> {
  const client = useClient();
  const provided = useSocket();
  const socket = options.socket ?? provided ?? undefined;
  const key = keyOf(descriptor as ChannelDescriptor, variables);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what the arguments are
  const channel = useMemo(
    () => channelFor(client, descriptor, variables, () => urqlTransport(client, socket), options),
    [client, descriptor, key],
  );
  return useConnection(channel, options);
}
