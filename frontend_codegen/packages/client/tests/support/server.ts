/** What tests do to the served board, and the sockets they watch it with. */
import { createClient } from 'graphql-ws';
import { inject } from 'vitest';
import WebSocket from 'ws';
import { liveSocket } from '../../src/core/index.js';
import { request } from './request.js';

interface Person {
  readonly id: number;
  readonly token: string;
}

export interface ServedBoard {
  readonly project: number;
  readonly tasks: readonly number[];
  readonly label: number;
  readonly people: readonly [Person, Person];
}

export interface Operation {
  readonly op: 'create' | 'save' | 'update' | 'delete';
  readonly model: string;
  readonly pk?: number;
  readonly data?: Record<string, unknown>;
}

/** Make a board with three tasks and two people; nobody else has it. */
export const makeBoard = () => request<ServedBoard>(inject('serverPort'), '/make', {});

/** Write rows in one transaction of the server's; return their keys. */
export function write(...operations: Operation[]): Promise<number[]> {
  const body = operations.map(({ model, ...rest }) => ({
    ...rest,
    model: `channels_app.${model}`,
  }));
  return request(inject('serverPort'), '/test', body);
}

/** Return what DRF renders of a board. */
export function rendered({ project, people }: ServedBoard): Promise<unknown> {
  return request(inject('serverPort'), `/rendered/${project}/${people[0].id}`);
}

/** Tell everybody something. */
export const announce = (kind: string, message: string) =>
  request(inject('serverPort'), `/announce/${kind}/${encodeURIComponent(message)}`);

/** Return what the server holds for viewers. */
export function facts(): Promise<{ replicas: string[]; tasks: string[] }> {
  return request(inject('serverPort'), '/test');
}

/** Stop the server, by asking or by force, and start it again. */
export async function restart(how: 'deploy' | 'kill'): Promise<void> {
  await request(inject('controlPort'), `/${how}`);
}

/** Return a state without `__typename`: what DRF renders. */
export function plain(state: unknown): unknown {
  const text = JSON.stringify(state, (name, item) => (name === '__typename' ? undefined : item));
  return text === undefined ? undefined : JSON.parse(text);
}

/**
 * A socket whose traffic is counted and whose connection can be cut.
 *
 * @param options.isStock - graphql-ws as it is, without what resumes
 */
export function openSocket(
  board: ServedBoard,
  options: {
    readonly port?: number;
    readonly isStock?: boolean;
    readonly keepAlive?: number;
    readonly pongTimeoutMs?: number;
  } = {},
) {
  const { port = inject('serverPort'), isStock = false, ...alive } = options;
  /** Operations that were sent, by the first word of the document. */
  const sent: { type: string; name: string; variables: Record<string, unknown> }[] = [];
  let current: WebSocket | undefined;
  let connections = 0;
  class Counted extends WebSocket {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      current = this;
      connections += 1;
    }

    override send(data: string) {
      const { type, payload } = JSON.parse(data);
      if (type === 'subscribe') {
        const [, kind = '', name = ''] = /^(\w+)\s+(\w+)/.exec(payload.query) ?? [];
        sent.push({ type: kind, name, variables: payload.variables });
      }
      super.send(data);
    }
  }
  const settings = {
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: Counted,
    connectionParams: { Authorization: `Token ${board.people[0].token}` },
  };
  const backoff = { initialDelayMs: 20, maxDelayMs: 200 };
  const socket = isStock
    ? createClient({ ...settings, retryWait: () => new Promise((done) => setTimeout(done, 20)) })
    : liveSocket(createClient, { ...settings, ...alive, backoff });
  return {
    socket,
    sent,
    get connections() {
      return connections;
    },
    /** Cut the connection without a word. */
    cut: () => current?.terminate(),
    /** Close the connection as a proxy does that goes away. */
    close: () => current?.close(1001, 'Going away'),
  };
}
