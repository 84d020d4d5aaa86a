// Watches with the stock graphql-ws client and comes back with the newest cursor, server by server.
//
//   node resume.mjs '{"urls": […], "token": …, "query": …, "variables": {…}}'
//
// Prints JSON lines: {"connected": url}, {"event": …} for each result, {"error": …}. A line on stdin
// says how to leave: "drop" cuts the socket without a word, "leave" ends the operation first. After
// both the client connects to the next URL, with the last cursor as `after`. "stop" ends it all.
import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const options = JSON.parse(process.argv[2]);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

let cursor;
let visits = 0;
let leave;

const visit = () => {
  const url = options.urls[visits++ % options.urls.length];
  let socket;
  let hasLeft = false;
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Token ${options.token}` },
    retryAttempts: 0,
    on: {
      opened: (opened) => { socket = opened; },
      connected: () => print({ connected: url }),
    },
  });
  const stop = client.subscribe(
    {
      query: options.query,
      variables: { ...options.variables, ...(cursor ? { after: cursor } : {}) },
    },
    {
      next: (event) => {
        cursor = Object.values(event.data)[0].cursor;
        print({ event });
      },
      error: (error) => {
        if (!hasLeft) print({ error: Array.isArray(error) ? error : String(error?.message ?? error) });
      },
      complete: () => {},
    },
  );
  leave = async (how) => {
    hasLeft = true;
    if (how === 'drop') socket.terminate();
    else stop();
    await client.dispose();
  };
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  await leave(line);
  if (line === 'stop') process.exit(0);
  visit();
});

visit();
