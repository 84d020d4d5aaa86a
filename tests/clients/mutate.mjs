// Watches and writes on one socket with the stock graphql-ws client.
//
//   node mutate.mjs '{"url": …, "token": …, "query": …, "variables": {…}, "mutation": …}'
//
// Prints JSON lines in the order in which the client sees them: {"event": …} for each result of the
// subscription, {"answer": …} for each mutation, {"error": …}. Each line of JSON on stdin is the
// variables of one mutation; a list of them is that many at once; "stop" ends it all.
import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const options = JSON.parse(process.argv[2]);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const describe = (error) => (Array.isArray(error) ? error : String(error?.message ?? error));

let sockets = 0;
const client = createClient({
  url: options.url,
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Token ${options.token}` },
  retryAttempts: 0,
  lazy: true,
  on: { opened: () => { sockets += 1; } },
});

client.subscribe(
  { query: options.query, variables: options.variables },
  {
    next: (event) => print({ event }),
    error: (error) => print({ error: describe(error) }),
    complete: () => print({ complete: true }),
  },
);

const mutate = (variables) => client.subscribe(
  { query: options.mutation, variables },
  {
    next: (answer) => print({ answer }),
    error: (error) => print({ error: describe(error) }),
    complete: () => {},
  },
);

createInterface({ input: process.stdin }).on('line', async (line) => {
  if (line === 'stop') {
    print({ sockets });
    await client.dispose();
    process.exit(0);
  }
  [JSON.parse(line)].flat().forEach(mutate);
});
