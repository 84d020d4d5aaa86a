/** Apollo Client and urql as an application sets them up, on one socket. */
import { ApolloClient, InMemoryCache } from '@apollo/client';
import * as apollo from '@apollo/client/react';
import { Client, type Exchange, subscriptionExchange } from '@urql/core';
import type { ReactNode } from 'react';
import { Provider } from 'urql';
import { liveLink, typePoliciesOf } from '../../src/apollo/index.js';
import type { ChannelDescriptor } from '../../src/core/index.js';
import { liveExchange } from '../../src/urql/index.js';
import type { openSocket } from './server.js';

type Socket = ReturnType<typeof openSocket>['socket'];

export function apolloClient(socket: Socket, ...channels: Pick<ChannelDescriptor, 'layers'>[]) {
  const cache = new InMemoryCache({ typePolicies: typePoliciesOf(...channels) });
  return new ApolloClient({ cache, link: liveLink(socket) });
}

export function OnApollo(props: { client: ApolloClient; children: ReactNode }) {
  return <apollo.ApolloProvider client={props.client}>{props.children}</apollo.ApolloProvider>;
}

export function urqlClient(socket: Socket, cache: Exchange, exchange = liveExchange(socket)) {
  return new Client({
    url: 'http://nowhere.invalid/',
    preferGetMethod: false,
    exchanges: [cache, exchange],
  });
}

/** urql's own exchange over graphql-ws, as its documentation has it. */
export function stockExchange(socket: Socket): Exchange {
  return subscriptionExchange({
    enableAllOperations: true,
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: (sink) => ({
        unsubscribe: socket.subscribe({ query, variables }, sink as never),
      }),
    }),
  });
}

export function OnUrql(props: { client: Client; children: ReactNode }) {
  return <Provider value={props.client}>{props.children}</Provider>;
}
