// Runs the audits of GraphQL over HTTP that come with the npm package graphql-http.
//
//   node http.mjs '{"url": …, "headers": {…}}'
//
// Prints one line of JSON for each audit: {"id", "level", "name", "status", "reason"}; status is "ok",
// "notice" (a MAY), "warn" (a SHOULD) or "error" (a MUST).
import { createRequire } from 'node:module';

const { serverAudits } = createRequire(new URL('../clients/', import.meta.url))('graphql-http');
const { url, headers } = JSON.parse(process.argv[2]);

// A fresh Headers object, because an audit about a missing header must find it missing.
const fetchFn = (target, { headers: own, ...rest } = {}) =>
  fetch(target, { ...rest, headers: { ...headers, ...own } });

for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason, response } = await audit.fn();
  const [, level, text] = /^(MUST|SHOULD|MAY(?: NOT)?) (.*)$/.exec(name);
  const told = reason && `${reason}; it is ${response.status}`;
  process.stdout.write(`${JSON.stringify({ id, level, name: text, status, reason: told })}\n`);
}
