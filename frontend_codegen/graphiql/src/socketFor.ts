/** One socket for each set of headers: they go into `connection_init`, where they cannot change. */

import { type Client, createClient } from 'graphql-ws';
import type { Headers } from './headers';

const IDLE_MS = 3000;
const LONGEST_WAIT_MS = 8000;
let open: { readonly key: string; readonly client: Client } | undefined;

/** Return the client whose socket was opened with *headers*, and let go of any other. */
export function socketFor(url: string, headers: Headers): Client {
  const key = JSON.stringify(headers);
  if (open?.key !== key) {
    const client = createClient({
      url: url.replace(/^http/, 'ws'),
      connectionParams: { ...headers },
      lazyCloseTimeout: IDLE_MS,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (retries) => sleep(Math.min(250 * 2 ** retries, LONGEST_WAIT_MS)),
      shouldRetry: () => true, // but for close codes that say it is of no use
    });
    // The socket before closes by itself when the last who watches on it has stopped.
    open = { key, client };
  }
  return open.client;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
