/**
 * A real browser for the scenarios of this folder, and what it did: every request, every complaint.
 *
 * A scenario is a script that pytest starts (`running.py`): it gets its options as JSON, and asks the
 * host to do something to the server by a line on standard output that is answered on standard input.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../clients/', import.meta.url));
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const options = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const profiles = [];
const contexts = [];

/** Have the host do something, and return what it answers. */
export async function host(call, args = {}) {
  process.stdout.write(`${JSON.stringify({ call, args })}\n`);
  const { value } = await lines.next();
  const { answer, error } = JSON.parse(value);
  if (error) throw new Error(`${call}: ${error}`);
  return answer;
}

/** Open a browser with a new empty profile; its page keeps a log of all it does. */
export async function open(settings = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'rxgraph-browser-'));
  profiles.push(profile);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: options.chromium,
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    ...settings,
  });
  contexts.push(context);
  context.setDefaultTimeout(options.patience);
  const page = context.pages()[0] ?? (await context.newPage());
  const log = { requests: [], problems: [], frames: [] };
  context.on('request', (request) => log.requests.push(request.url()));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) log.problems.push(message.text());
  });
  page.on('pageerror', (error) => log.problems.push(String(error)));
  page.on('websocket', (socket) => {
    log.requests.push(socket.url());
    socket.on('framesent', ({ payload }) => log.frames.push({ sent: JSON.parse(payload) }));
    socket.on('framereceived', ({ payload }) => log.frames.push({ got: JSON.parse(payload) }));
  });
  return { context, page, log };
}

/** Keep a picture of the page for people to look at. */
export async function keep(page, name) {
  await page.screenshot({ path: join(options.pictures, `${name}.png`) });
}

/** Assert that nothing was asked of any host but the server's, and return how much was asked. */
export function assertStayedHome(log) {
  const home = new URL(options.url).host;
  const away = log.requests.filter((url) => /^(https?|wss?):/.test(url) && new URL(url).host !== home);
  assert.deepEqual(away, [], 'requests to other hosts');
  return log.requests.length;
}

/** Run a scenario, and leave no browser behind. */
export async function run(scenario) {
  try {
    const facts = await scenario();
    process.stdout.write(`${JSON.stringify({ facts: facts ?? {} })}\n`);
  } catch (error) {
    for (const [index, context] of contexts.entries()) {
      const page = context.pages()[0];
      await keep(page, `failed-${options.name}-${index}`).catch(() => {});
    }
    console.error(error);
    process.exitCode = 1;
  } finally {
    await Promise.allSettled(contexts.map((context) => context.close()));
    for (const profile of profiles) rmSync(profile, { recursive: true, force: true });
    process.stdin.destroy();
  }
}
