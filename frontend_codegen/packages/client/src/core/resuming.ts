/**
 * A graphql-ws client whose subscriptions resume by cursor.
 *
 * graphql-ws subscribes again by itself after a lost connection, with the payload it was given. The
 * copy that it is given here carries the newest cursor as `after`, so any client on top of it gets
 * what it missed instead of everything.
 */

interface Payload {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null | undefined;
}

interface Sink {
  next(result: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/** What is needed of graphql-ws's client. */
export interface SocketClient {
  // biome-ignore lint/suspicious/noExplicitAny: graphql-ws's own payloads and sinks are generic
  subscribe(payload: any, sink: any): () => void;
}

/** Return *client* with subscriptions that resume. */
export function resuming<C extends SocketClient>(client: C): C {
  const subscribe = (payload: Payload, sink: Sink): (() => void) => {
    if (!/\$after\b/.test(payload.query)) return client.subscribe(payload, sink);
    const variables = { ...payload.variables };
    return client.subscribe(
      { ...payload, variables },
      {
        next: (result: unknown) => {
          renew(variables, result);
          sink.next(result);
        },
        error: (error: unknown) => sink.error(error),
        complete: () => sink.complete(),
      },
    );
  };
  return { ...client, subscribe };
}

function renew(variables: Record<string, unknown>, result: unknown): void {
  const { data } = result as { data?: Record<string, unknown> | null };
  for (const event of Object.values(data ?? {})) {
    const { kind, cursor } = (event ?? {}) as { kind?: unknown; cursor?: unknown };
    if (kind === 'RESET') delete variables.after;
    else if (typeof kind === 'string' && cursor) variables.after = cursor;
  }
}
