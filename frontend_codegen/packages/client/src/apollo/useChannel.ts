import type { ApolloClient } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import { useMemo } from 'react';
import type { ChannelDescriptor, ChannelTypes, WatchedSocket } from '../core/index.js';
import { channelFor, keyOf } from '../react/channelFor.js';
import { useSocket } from '../react/SocketProvider.js';
import { type UseChannelOptions, type UsedChannel, useConnection } from '../react/useConnection.js';
import { apolloTransport } from './apolloTransport.js';

/** Options of {@link useChannel}. */
export interface UseApolloChannelOptions<T extends ChannelTypes> extends UseChannelOptions<T> {
  /** @defaultValue that of the ApolloProvider above */
  readonly client?: ApolloClient;
  /** @defaultValue that of the client's link, where that is a GraphQLWsLink */
  readonly socket?: WatchedSocket;
}

/**
 * Show a channel live, over Apollo Client; its cache is kept right for all other queries.
 *
 * ```tsx
 * const { state, connected } = useChannel(projectChannel, { projectId: 1 });
 * ```
 */
export function useChannel<T extends ChannelTypes>(
  descriptor: ChannelDescriptor<T>,
  variables: T['variables'],
  options: UseApolloChannelOptions<T> = {},
): UsedChannel<T> {
  const client = useApolloClient(options.client);
  const provided = useSocket();
  const socket = options.socket ?? provided ?? undefined;
  const key = keyOf(descriptor as ChannelDescriptor, variables);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what the arguments are
  const channel = useMemo(
    () => channelFor(client, descriptor, variables, () => apolloTransport(client, socket), options),
    [client, descriptor, key],
  );
  return useConnection(channel, options);
}
