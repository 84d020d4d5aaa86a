import { print } from 'graphql';
import { useMemo } from 'react';
import {
  type ChannelDescriptor,
  type ChannelTypes,
  socketTransport,
  type WatchedSocket,
} from '../core/index.js';
import { channelFor, keyOf } from './channelFor.js';
import { useSocket } from './SocketProvider.js';
import { type UseChannelOptions, type UsedChannel, useConnection } from './useConnection.js';

/** Options of {@link useChannel}. */
export interface UseSocketChannelOptions<T extends ChannelTypes> extends UseChannelOptions<T> {
  /** @defaultValue that of the SocketProvider above */
  readonly socket?: WatchedSocket;
}

/**
 * Show a channel live, over nothing but a socket.
 *
 * ```tsx
 * const { state, connected } = useChannel(projectChannel, { projectId: 1 });
 * ```
 */
export function useChannel<T extends ChannelTypes>(
  descriptor: ChannelDescriptor<T>,
  variables: T['variables'],
  options: UseSocketChannelOptions<T> = {},
): UsedChannel<T> {
  const provided = useSocket();
  const socket = options.socket ?? provided;
  if (!socket) throw new Error('useChannel needs a socket: wrap the page in <SocketProvider>');
  const key = keyOf(descriptor as ChannelDescriptor, variables);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what the arguments are
  const channel = useMemo(
    () => channelFor(socket, descriptor, variables, () => socketTransport(socket, print), options),
    [socket, descriptor, key],
  );
  return useConnection(channel, options);
}
