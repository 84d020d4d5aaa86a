/** Whatever a client library throws, as one kind of error with a code. */
import { ChannelError } from './errors.js';

/** Codes after which trying again is no use. */
const FINAL = new Set(['BAD_REQUEST', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND']);

/** Close codes of `graphql-transport-ws` that mean one of PROTOCOL.md's codes. */
const CLOSE_CODES: Readonly<Record<number, string>> = {
  4400: 'BAD_REQUEST',
  4401: 'UNAUTHENTICATED',
  4403: 'FORBIDDEN',
  4406: 'BAD_REQUEST',
};

/** Return *error* as a {@link ChannelError}: GraphQL errors, close events, errors of clients. */
export function channelErrorOf(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  let message = '';
  for (const item of queue) {
    if (typeof item !== 'object' || !item || seen.has(item)) continue;
    seen.add(item);
    const found = item as Found;
    message ||= String(found.message ?? found.reason ?? '');
    const closed = /^Socket closed with event (\d+)/.exec(String(found.message ?? ''))?.[1];
    const number = typeof found.code === 'number' ? found.code : Number(closed);
    const code = found.extensions?.code ?? CLOSE_CODES[number];
    if (code) return new ChannelError(message || code, code, error);
    if (Array.isArray(item)) queue.push(...item);
    queue.push(found.graphQLErrors, found.errors, found.networkError, found.cause);
  }
  return new ChannelError(message || 'The connection failed.', null, error);
}

/** Return whether trying again is no use. */
export function isFinal({ code }: ChannelError): boolean {
  return code !== null && FINAL.has(code);
}

interface Found {
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly extensions?: { readonly code?: string };
  readonly graphQLErrors?: unknown;
  readonly errors?: unknown;
  readonly networkError?: unknown;
  readonly cause?: unknown;
}
