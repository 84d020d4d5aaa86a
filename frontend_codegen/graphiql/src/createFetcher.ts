/** How operations reach the server: subscriptions over one socket, all else over HTTP. */

import type { Fetcher } from '@graphiql/toolkit';
import { toResult } from './errors';
import { type Headers, meantHeaders } from './headers';
import { choose, type Operation } from './operations';
import { socketFor } from './socketFor';

/** Who hears of a subscription. */
export interface Listener {
  readonly next: (result: unknown) => void;
  readonly complete: () => void;
  /** The socket opened, or was lost and will be tried again. */
  readonly connected?: (isConnected: boolean) => void;
}

/** Return what GraphiQL calls to run an operation at *url*. */
export function createFetcher(url: string): Fetcher {
  return (params, options) => {
    const headers = meantHeaders(options?.headers);
    const variables = params.variables as Record<string, unknown> | undefined;
    const { kind, operation } = choose(params.query, params.operationName, variables);
    if (kind !== 'subscription') return post(url, headers, operation);
    return {
      subscribe: (observer) => {
        const listener = observer as unknown as Listener;
        return { unsubscribe: subscribe(url, headers, operation, listener) };
      },
    };
  };
}

/** Subscribe at *url*; the function returned stops it. */
export function subscribe(
  url: string,
  headers: Headers,
  operation: Operation,
  listener: Listener,
): () => void {
  const client = socketFor(url, headers);
  const forget = [
    client.on('connected', () => listener.connected?.(true)),
    client.on('closed', () => listener.connected?.(false)),
  ];
  const complete = (): void => {
    for (const off of forget) off();
    listener.complete();
  };
  const stop = client.subscribe<Record<string, unknown>>(
    { ...operation },
    {
      next: listener.next,
      complete,
      error: (error) => {
        listener.next(toResult(error));
        complete();
      },
    },
  );
  return stop;
}

async function post(url: string, headers: Headers, operation: Operation) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status} with something that is not JSON`);
  }
}
