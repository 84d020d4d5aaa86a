import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import type { SocketClient } from '../core/index.js';

/** Return the one link that Apollo Client needs: everything goes over *socket*. */
export function liveLink(socket: SocketClient): GraphQLWsLink {
  return new GraphQLWsLink(socket as ConstructorParameters<typeof GraphQLWsLink>[0]);
}
