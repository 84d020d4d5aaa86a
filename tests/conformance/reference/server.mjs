// The reference implementation of the protocol: the npm package graphql-ws on ws.
//
// `serve()` answers what audits need to know of it. *fault* breaks one rule, by standing between the
// socket and the implementation (see faults.mjs).
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../clients/', import.meta.url));
const { WebSocket, WebSocketServer } = require('ws');
const { useServer } = require('graphql-ws/use/ws');
const { buildSchema } = require('graphql');

const SLOW_MS = 150;
const INIT_MS = 400;

const schema = buildSchema(`
  type Query { name: String slow: String }
  type Mutation { tell: Boolean }
  type Subscription { told: Int three: Int }
`);

console.error = () => {}; // the implementation says what it thinks of broken messages

export async function serve(fault = {}) {
  const listeners = new Set();
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => intercept(socket, fault));
  useServer(
    {
      schema,
      roots: {
        query: { name: 'here', slow: () => new Promise((done) => setTimeout(done, SLOW_MS, 'at last')) },
        mutation: {
          tell: () => {
            for (const listener of listeners) listener();
            return true;
          },
        },
        subscription: { told: () => told(listeners), three: () => three() },
      },
      connectionInitWaitTimeout: INIT_MS,
      onConnect: ({ connectionParams }) => connectionParams?.token !== 'wrong',
    },
    server,
  );
  if (fault.protocols) server.options.handleProtocols = fault.protocols;
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    options: {
      WebSocket,
      url: `ws://127.0.0.1:${server.address().port}`,
      connectionParams: { token: 'right' },
      badConnectionParams: { token: 'wrong' },
      query: { query: '{ name }' },
      mutation: { query: 'mutation { tell }' },
      subscription: { query: 'subscription { told }' },
      finite: { query: 'subscription { three }' },
      slow: { query: '{ slow }' },
      slowMs: 2 * SLOW_MS,
      initTimeoutMs: INIT_MS,
    },
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

/** Yields at once, and then whenever somebody tells. */
function told(listeners) {
  const waiting = [1];
  let wake = () => {};
  const listener = () => {
    waiting.push(waiting.length);
    wake();
  };
  listeners.add(listener);
  let isOver = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (!waiting.length && !isOver) await new Promise((resolve) => { wake = resolve; });
      return isOver ? { done: true, value: undefined } : { done: false, value: { told: waiting.shift() } };
    },
    async return() {
      isOver = true;
      listeners.delete(listener);
      wake();
      return { done: true, value: undefined };
    },
  };
}

async function* three() {
  for (const number of [1, 2, 3]) yield { three: number };
}

function intercept(socket, fault) {
  const { send, close, on } = socket;
  const memory = {
    write: (message) => send.call(socket, JSON.stringify(message)),
    close: (code, reason) => close.call(socket, code, reason),
  };
  socket.send = (data, done) => {
    const message = JSON.parse(data);
    const out = fault.outgoing ? fault.outgoing(message, memory) : [message];
    for (const item of out) send.call(socket, JSON.stringify(item));
    done?.();
  };
  socket.close = (code, reason) => {
    const [other, why] = fault.closing ? fault.closing(code, reason, memory) : [code, reason];
    if (other !== undefined) close.call(socket, other, why);
  };
  socket.on = (name, listener) => {
    if (name !== 'message') return on.call(socket, name, listener);
    return on.call(socket, name, (data, isBinary) => {
      const text = String(data);
      const taken = fault.incoming ? fault.incoming(text, memory, { isBinary, socket }) : [text];
      for (const item of taken) listener(item);
    });
  };
}
