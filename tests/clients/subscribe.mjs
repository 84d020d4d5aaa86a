// Subscribes with the stock graphql-ws client and prints what comes as JSON lines.
//
//   node subscribe.mjs '{"url": …, "token": …, "query": …, "variables": {…}, "retryAttempts": 0}'
//
// {"event": …} for each result, {"error": …} when the operation or the connection fails,
// {"complete": true} at the end. A line "stop" on stdin ends the operation, "drop" cuts the socket.
import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const options = JSON.parse(process.argv[2]);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

let socket;
const client = createClient({
  url: options.url,
  webSocketImpl: WebSocket,
  connectionParams: options.token ? { Authorization: `Token ${options.token}` } : {},
  retryAttempts: options.retryAttempts ?? 0,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  shouldRetry: () => true,
  on: {
    opened: (opened) => { socket = opened; },
    connected: () => print({ connected: true }),
  },
});

const describe = (error) => {
  if (Array.isArray(error)) return error;
  if (typeof error?.code === 'number') return { code: error.code, reason: error.reason };
  return { message: String(error?.message ?? error) };
};

const stop = client.subscribe(
  { query: options.query, variables: options.variables },
  {
    next: (event) => print({ event }),
    error: (error) => { print({ error: describe(error) }); void client.dispose(); process.exit(0); },
    complete: () => { print({ complete: true }); void client.dispose(); process.exit(0); },
  },
);

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'stop') stop();
  if (line === 'drop') socket.terminate();
});
