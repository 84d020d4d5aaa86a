// One behaviour of the stock graphql-ws or graphql-sse client, told as JSON lines.
//
//   node behaviour.mjs '{"name": "lazy", "url": …, "sse": …, "token": …, "query": …, "variables": {…}}'
//
// {"on": …} for what the connection does, {"kind": …} for each event, {"error": …}, {"complete": true}.
// "read" is a query, for operations that end by themselves.
import { createClient } from 'graphql-ws';
import { createClient as createSSE } from 'graphql-sse';
import WebSocket from 'ws';

const { name, url, sse, token, query, variables, read } = JSON.parse(process.argv[2]);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const Authorization = `Token ${token}`;

const shown = (error) => error?.code ?? error?.response?.status ?? (Array.isArray(error) ? error : String(error?.message ?? error));
const kindOf = ({ data, errors }) => Object.values(data ?? {})[0]?.kind ?? (errors ? errors[0].extensions.code : 'DATA');

/** Subscribes; answers when the operation is over, and has `first`, `stop`. */
function watch(client, operation = { query, variables }) {
  let stop;
  let isFirst;
  const first = new Promise((resolve) => { isFirst = resolve; });
  const over = new Promise((resolve) => {
    stop = client.subscribe(operation, {
      next: (result) => { print({ kind: kindOf(result) }); isFirst(); },
      error: (error) => { print({ error: shown(error) }); isFirst(); resolve(); },
      complete: () => { print({ complete: true }); resolve(); },
    });
  });
  return { first, over, stop };
}

let sockets = [];
const client = (options) => createClient({
  url,
  webSocketImpl: class extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  },
  connectionParams: { Authorization },
  retryAttempts: 0,
  retryWait: async (retries) => { print({ on: `retry ${retries}` }); await sleep(20 * 2 ** retries); },
  shouldRetry: () => true,
  on: {
    connecting: (isRetry) => print({ on: isRetry ? 'connecting again' : 'connecting' }),
    connected: () => print({ on: 'connected' }),
    ping: (isReceived) => print({ on: isReceived ? 'pinged' : 'ping' }),
    pong: (isReceived) => print({ on: isReceived ? 'pong' : 'ponged' }),
    closed: ({ code }) => print({ on: `closed ${code}` }),
  },
  ...options,
});

const once = { query: read, variables };

const behaviours = {
  async lazy() {
    const found = client({ lazy: true });
    await sleep(100);
    print({ on: 'asking' });
    await watch(found, once).over;
    await sleep(100);
  },
  async eager() {
    const found = client({ lazy: false, onNonLazyError: (error) => print({ error: shown(error) }) });
    await sleep(300);
    print({ on: 'asking' });
    await watch(found, once).over;
    await sleep(100);
    print({ on: 'leaving' });
    await found.dispose();
    await sleep(100);
  },
  async lingering() {
    const found = client({ lazy: true, lazyCloseTimeout: 300 });
    await watch(found, once).over;
    await sleep(100);
    await watch(found, once).over;
    print({ on: 'waiting' });
    await sleep(600);
  },
  async keepAlive() {
    const found = client({ lazy: true, keepAlive: 100 });
    const watching = watch(found);
    await watching.first;
    await sleep(350);
    watching.stop();
    await sleep(100);
  },
  async params() {
    let calls = 0;
    const connectionParams = async () => {
      calls += 1;
      print({ on: `params ${calls}` });
      return { Authorization };
    };
    const found = client({ connectionParams, retryAttempts: 3 });
    const watching = watch(found);
    await watching.first;
    sockets.at(-1).terminate();
    await sleep(600);
    watching.stop();
    await sleep(50);
  },
  async wrongParams() {
    const found = client({ connectionParams: () => ({ Authorization: 'Token wrong' }), retryAttempts: 3 });
    await watch(found).over;
  },
  async terminated() {
    const found = client({ retryAttempts: 3 });
    const watching = watch(found);
    await watching.first;
    found.terminate();
    await sleep(500);
    watching.stop();
    await sleep(50);
  },
  async together() {
    const found = client({});
    const both = [watch(found), watch(found)];
    await Promise.all(both.map(({ first }) => first));
    both[0].stop();
    await both[0].over;
    await watch(found, once).over;
    print({ on: `sockets ${sockets.length}` });
    both[1].stop();
    await sleep(100);
  },
  async sse() {
    const found = createSSE({ url: sse, headers: async () => ({ Authorization }), retryAttempts: 0 });
    const both = [watch(found), watch(found)];
    await Promise.all(both.map(({ first }) => first));
    await watch(found, once).over;
    await watch(found, { query: 'subscription { nothing }' }).over;
    for (const { stop } of both) stop();
    found.dispose();
  },
  async sseWrong() {
    const found = createSSE({ url: sse, headers: { Authorization: 'Token wrong' }, retryAttempts: 0 });
    await watch(found).over;
  },
  async sseSingle() {
    const found = createSSE({
      url: sse,
      singleConnection: true,
      headers: { Authorization },
      retryAttempts: 0,
      fetchFn: async (...args) => {
        const answer = await fetch(...args);
        if (args[1]?.method === 'PUT') print({ put: answer.status, told: (await answer.clone().json()).errors[0].message });
        return answer;
      },
    });
    await watch(found).over;
  },
};

await behaviours[name]();
process.exit(0);
