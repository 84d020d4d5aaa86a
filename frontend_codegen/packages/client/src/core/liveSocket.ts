/** One socket for everything: graphql-ws's client, set up for live state. */
import { type BackoffOptions, backoffMs } from './backoffMs.js';
import { resuming, type SocketClient } from './resuming.js';

/** Options of {@link liveSocket}, beside those of graphql-ws's `createClient`. */
export interface LiveSocketOptions {
  readonly backoff?: BackoffOptions;
  /** Ping after so many quiet milliseconds. @defaultValue 15_000 */
  readonly keepAlive?: number;
  /** Take the connection for dead when a pong takes longer. @defaultValue 5_000 */
  readonly pongTimeoutMs?: number;
}

interface Listeners {
  ping?(received: boolean, payload: unknown): void;
  pong?(received: boolean, payload: unknown): void;
  closed?(event: unknown): void;
}

/**
 * Return a graphql-ws client that never gives up, notices dead connections and resumes by cursor.
 *
 * ```ts
 * import { createClient } from 'graphql-ws';
 * const socket = liveSocket(createClient, { url, connectionParams: { Authorization } });
 * ```
 *
 * Wrong credentials (close code 4401) and other final refusals are not retried.
 */
export function liveSocket<O extends object, C extends SocketClient & { terminate(): void }>(
  createClient: (options: O) => C,
  options: O & LiveSocketOptions,
): C {
  const { backoff, pongTimeoutMs = 5_000, ...given } = options;
  const { on } = given as { on?: Listeners };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const client: C = createClient({
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries: number) =>
      new Promise((resolve) => setTimeout(resolve, backoffMs(Math.max(0, retries - 1), backoff))),
    shouldRetry: () => true,
    keepAlive: 15_000,
    ...given,
    on: {
      ...on,
      ping: (received: boolean, payload: unknown) => {
        on?.ping?.(received, payload);
        if (!received) timer = setTimeout(() => client.terminate(), pongTimeoutMs);
      },
      pong: (received: boolean, payload: unknown) => {
        on?.pong?.(received, payload);
        if (received) clearTimeout(timer);
      },
      closed: (event: unknown) => {
        clearTimeout(timer);
        on?.closed?.(event);
      },
    },
  } as unknown as O);
  return resuming(client);
}
