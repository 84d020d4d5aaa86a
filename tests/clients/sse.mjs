// Subscribes with the stock graphql-sse client (distinct connections) and prints JSON lines.
//
//   node sse.mjs '{"url": …, "token": …, "query": …, "variables": {…}, "events": 2}'
import { createClient } from 'graphql-sse';

const options = JSON.parse(process.argv[2]);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const client = createClient({
  url: options.url,
  headers: options.token ? { Authorization: `Token ${options.token}` } : {},
  retryAttempts: 0,
});
let left = options.events;
client.subscribe(
  { query: options.query, variables: options.variables },
  {
    next: (event) => {
      print({ event });
      left -= 1;
      if (left === 0) process.exit(0);
    },
    error: (error) => { print({ error: String(error?.message ?? error) }); process.exit(0); },
    complete: () => { print({ complete: true }); process.exit(0); },
  },
);
