// Runs the audits of graphql-transport-ws.
//
//   node transport_ws.mjs '{"url": …, "connectionParams": …, "query": …, …}'   any server
//   node transport_ws.mjs '{"reference": true}'                                 graphql-ws
//   node transport_ws.mjs '{"fault": "…"}'                                      graphql-ws with a fault
//   node transport_ws.mjs '{"faults": true}'       what each fault should break, and whether it does
//
// With "exact" each fault is judged by all audits, which takes longer, instead of those it should fail.
// Prints one line of JSON for each audit: {"id", "level", "name", "status", "reason"}.
import { createRequire } from 'node:module';
import { faults } from './reference/faults.mjs';
import { serve } from './reference/server.mjs';
import { runAudits } from './transport_ws/index.mjs';

const { WebSocket } = createRequire(new URL('../clients/', import.meta.url))('ws');
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Returns what the audits say of the reference server with a fault, or without one. */
async function auditReference(fault, more, how = { atOnce: 32 }) {
  const { options, close } = await serve(fault);
  const found = await runAudits({ ...options, oversizedBytes: 1_500_000, ...more }, how);
  close();
  return found;
}

/** Returns which audits say that a server with this fault is wrong. */
async function caught({ fault, breaks }, isExact) {
  const first = { atOnce: 32, only: isExact ? undefined : breaks };
  const found = failing(await auditReference(fault, { patienceMs: 600 }, first));
  // What was not expected gets another chance, alone: the machine may have been busy.
  const odd = found.filter((id) => !breaks.includes(id));
  if (!odd.length) return found;
  const again = failing(await auditReference(fault, { patienceMs: 5000 }, { atOnce: 4, only: odd }));
  return found.filter((id) => breaks.includes(id) || again.includes(id));
}

const { reference, fault, faults: isAll, exact, ...options } = JSON.parse(process.argv[2]);
if (reference) (await auditReference({})).forEach(print);
else if (fault) (await auditReference(faults[fault].fault, options)).forEach(print);
else if (isAll) {
  const usual = exact ? failing(await auditReference({})) : [];
  const names = Object.keys(faults);
  const work = async () => {
    for (let name = names.shift(); name; name = names.shift()) {
      const { breaks, alsoMay = [] } = faults[name];
      const named = (await caught(faults[name], exact)).filter((id) => !usual.includes(id));
      const missing = breaks.filter((id) => !named.includes(id));
      const unexpected = named.filter((id) => !breaks.includes(id) && !alsoMay.includes(id));
      print({ name, breaks, missing, unexpected, also: named.filter((id) => alsoMay.includes(id)) });
    }
  };
  await Promise.all(Array.from({ length: 6 }, work));
} else (await runAudits({ ...options, WebSocket })).forEach(print);
process.exit(0);

function failing(results) {
  return results.filter(({ status }) => !['ok', 'skipped'].includes(status)).map(({ id }) => id);
}
