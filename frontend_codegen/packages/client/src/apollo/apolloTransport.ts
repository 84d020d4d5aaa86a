/** Apollo Client as a transport: its cache is written along with every event and payload. */
import type { ApolloClient } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { type Transport, type WatchedSocket, watchSocket } from '../core/index.js';

type Query = Parameters<ApolloClient['subscribe']>[0]['query'];

/**
 * Return a transport over *client*.
 *
 * @param socket - what carries it, to be watched; needed where the client's link is not a
 * GraphQLWsLink alone
 */
export function apolloTransport(client: ApolloClient, socket = socketOf(client)): Transport {
  return {
    subscribe: ({ document, variables }, sink) => {
      const query = document as Query;
      const { after: _, ...given } = variables;
      // Written by hand, and over what is there: Apollo would keep what each cursor gave apart.
      const cached = { id: 'ROOT_SUBSCRIPTION', query, variables: given, overwrite: true };
      const subscription = client
        .subscribe<Record<string, unknown>>({ query, variables, fetchPolicy: 'no-cache' })
        .subscribe({
          next: ({ data, error }) => {
            if (error) {
              sink.error(error);
              return;
            }
            if (data) client.writeQuery({ ...cached, data });
            sink.next({ data });
          },
          error: (error) => sink.error(error),
          complete: () => sink.complete(),
        });
      return () => subscription.unsubscribe();
    },
    mutate: async ({ document, variables }) => {
      const mutation = document as Query;
      const { data, error } = await client.mutate<Record<string, unknown>>({ mutation, variables });
      return { data, errors: error };
    },
    ...(socket && { watch: (listener) => watchSocket(socket, listener) }),
  };
}

function socketOf({ link }: ApolloClient): WatchedSocket | null {
  return link instanceof GraphQLWsLink ? link.client : null;
}
