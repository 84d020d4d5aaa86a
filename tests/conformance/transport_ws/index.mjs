// Audits of a server that speaks graphql-transport-ws: data first, then a runner.
import { completion } from './audits/completion.mjs';
import { handshake } from './audits/handshake.mjs';
import { init } from './audits/init.mjs';
import { liveness } from './audits/liveness.mjs';
import { messages } from './audits/messages.mjs';
import { operations } from './audits/operations.mjs';
import { socket } from './audits/socket.mjs';
import { Broken, Probe } from './probe.mjs';

const DEFAULTS = {
  invalid: { query: '{ thereIsNoSuchFieldInAnySchema }' },
  initTimeoutMs: 3000,
  patienceMs: 3000,
  silenceMs: 150,
  oversizedBytes: 8 * 1024 * 1024,
};

const FAILED = { MUST: 'error', SHOULD: 'warn', MAY: 'notice' };

/** Returns every audit as `{ id, level, name, needs, fn }`; `fn` answers `{ status, reason }`. */
export function audits(given) {
  const options = { ...DEFAULTS, ...given };
  const all = [handshake, init, liveness, messages, operations, completion, socket].flat();
  return all.map(({ needs = [], check, ...audit }) => ({
    ...audit,
    needs,
    fn: () => audited(audit.level, needs, check, options),
  }));
}

/**
 * Runs audits, some at a time; answers a list of `{ id, level, name, status, reason }`.
 * *only*: the ids of those that are wanted.
 */
export async function runAudits(given, { atOnce = 16, only } = {}) {
  const waiting = audits(given).filter(({ id }) => !only || only.includes(id));
  const results = new Array(waiting.length);
  let index = 0;
  const work = async () => {
    while (index < waiting.length) {
      const mine = index++;
      const { id, level, name, fn } = waiting[mine];
      results[mine] = { id, level, name, ...(await fn()) };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

async function audited(level, needs, check, options) {
  const missing = needs.filter((name) => options[name] === undefined);
  if (missing.length) return { status: 'skipped', reason: `it needs ${missing.join(' and ')}` };
  const probes = [];
  const open = async (more) => {
    const probe = new Probe(options, more);
    probes.push(probe);
    await probe.opened;
    return probe;
  };
  const connect = async () => {
    const probe = await open();
    probe.init();
    await probe.type('connection_ack');
    return probe;
  };
  try {
    await check({ open, connect, options });
    return { status: 'ok' };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { status: FAILED[level], reason: error.message };
  } finally {
    for (const probe of probes) probe.leave();
  }
}
