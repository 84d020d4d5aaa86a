import { type Client, type Exchange, subscriptionExchange } from '@urql/core';
import type { WatchedSocket } from '../core/index.js';

const sockets = new WeakMap<Client, WatchedSocket>();

/** Return the one exchange that sends: everything goes over *socket*. */
export function liveExchange(socket: WatchedSocket): Exchange {
  const exchange = subscriptionExchange({
    enableAllOperations: true,
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
    }),
  });
  return (input) => {
    sockets.set(input.client, socket);
    return exchange(input);
  };
}

/** Return the socket that a {@link liveExchange} of *client* sends over, or null. */
export function socketOf(client: Client): WatchedSocket | null {
  return sockets.get(client) ?? null;
}
