/** The one socket of a pane: everything goes over it, and a plug can cut it. */

import { liveSocket } from '@rxgraph/client';
import { type Client, type ClientOptions, createClient } from 'graphql-ws';
import type { Plug } from '../plug/createPlug';

/** Return the socket of whoever has *token*. */
export function socketOf(token: string, plug: Plug): Client {
  return liveSocket<ClientOptions, Client>(createClient, {
    url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
    connectionParams: { Authorization: `Token ${token}` },
    webSocketImpl: plug.webSocket,
    backoff: { initialDelayMs: 200, maxDelayMs: 1500 }, // somebody is watching
  });
}
