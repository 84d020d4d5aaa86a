/** urql's client as a transport: a normalised cache is written along with every event. */
import type { Client, DocumentInput } from '@urql/core';
import { type Transport, watchSocket } from '../core/index.js';
import { socketOf } from './liveExchange.js';

/**
 * Return a transport over *client*.
 *
 * @param socket - what carries it, to be watched; needed where there is no liveExchange
 */
export function urqlTransport(client: Client, socket = socketOf(client)): Transport {
  return {
    subscribe: ({ document, variables }, sink) => {
      const { unsubscribe } = client
        .subscription<Record<string, unknown>>(document as DocumentInput, variables)
        .subscribe(({ data, error, hasNext }) => {
          if (error) sink.error(error);
          else if (!hasNext)
            sink.complete(); // it repeats the last result
          else sink.next({ data: data ?? null });
        });
      return unsubscribe;
    },
    mutate: async ({ document, variables }) => {
      const { data, error } = await client
        .mutation<Record<string, unknown>>(document as DocumentInput, variables)
        .toPromise();
      return { data: data ?? null, errors: error };
    },
    ...(socket && { watch: (listener) => watchSocket(socket, listener) }),
  };
}
