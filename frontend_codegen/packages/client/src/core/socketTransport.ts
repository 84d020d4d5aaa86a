/** A transport that is a bare socket. */
import type { GraphQLDocument } from './descriptor.js';
import type { SocketClient } from './resuming.js';
import type { OperationResult, Transport } from './transport.js';

/** A graphql-ws client whose connection can be watched. */
export interface WatchedSocket extends SocketClient {
  // biome-ignore lint/suspicious/noExplicitAny: graphql-ws's own events are generic
  on(event: any, listener: any): () => void;
}

/**
 * Return a transport over *socket*.
 *
 * @param print - writes documents that are ASTs: `print` of `graphql`
 */
export function socketTransport(
  socket: WatchedSocket,
  print?: (document: never) => string,
): Transport {
  const text = (document: GraphQLDocument): string => {
    if (typeof document === 'string') return document;
    if (!print)
      throw new Error('This document is an AST: give socketTransport the print of graphql');
    return print(document as never);
  };
  return {
    subscribe: ({ document, variables }, sink) =>
      socket.subscribe({ query: text(document), variables }, sink),
    mutate: ({ document, variables }) =>
      new Promise((resolve, reject) => {
        let result: OperationResult = {};
        socket.subscribe(
          { query: text(document), variables },
          {
            next: (next: OperationResult) => {
              result = next;
            },
            error: reject,
            complete: () => resolve(result),
          },
        );
      }),
    watch: (listener) => watchSocket(socket, listener),
  };
}

/** Tell whenever *socket* connects (true) or loses its connection (false). */
export function watchSocket(socket: WatchedSocket, listener: (isUp: boolean) => void) {
  const stops = [
    socket.on('connected', () => listener(true)),
    socket.on('closed', () => listener(false)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
