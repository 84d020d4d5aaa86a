/**
 * Serves the board from a real server for all tests, on SQLite and the memory store.
 *
 * Vitest runs this once (`globalSetup`). Tests ask it over HTTP to restart the server.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { request } from './request.js';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const PATIENCE_MS = 60_000;

declare module 'vitest' {
  export interface ProvidedContext {
    /** Port of the board's server, and of what restarts it. */
    readonly serverPort: number;
    readonly controlPort: number;
  }
}

function python(): string {
  const own = join(ROOT, '.venv', 'bin', 'python');
  return process.env.RXGRAPH_PYTHON ?? (existsSync(own) ? own : 'python3');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'rxgraph-client-'));
  const log = join(folder, 'server.log');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    DJANGO_SETTINGS_MODULE: 'tests.integration.served_settings',
    DJANGO_SECRET_KEY: 'tests-only',
    TEST_SQLITE: join(folder, 'db.sqlite3'),
    TEST_RXGRAPH: '{}',
    TEST_APPS: 'tests.integration.live tests.integration.acting',
  };
  for (const name of ['DATABASE_URL', 'MONGO_URL', 'REDIS_URL']) delete env[name];
  const migrate = ['-m', 'django', 'migrate', '--verbosity', '0'];
  const done = spawnSync(python(), migrate, { cwd: ROOT, env, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`migrate failed:\n${done.stderr || done.error}`);

  const port = await freePort();
  let child: ChildProcess;

  const start = async () => {
    const output = openSync(log, 'a');
    const command = ['-m', 'uvicorn', 'tests.integration.client_asgi:application'];
    const options = ['--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'];
    child = spawn(python(), [...command, ...options, '--timeout-graceful-shutdown', '3'], {
      cwd: ROOT,
      env,
      stdio: ['ignore', output, output],
    });
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        await request(port, '/test');
        return;
      } catch {
        if (child.exitCode !== null || Date.now() > deadline) {
          throw new Error(`the server did not start:\n${readFileSync(log, 'utf8')}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const stop = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  };

  await start();
  const control: Server = createServer(async (incoming, outgoing) => {
    await stop(incoming.url === '/kill' ? 'SIGKILL' : 'SIGTERM');
    await start();
    outgoing.end('{}');
  });
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));
  project.provide('serverPort', port);
  project.provide('controlPort', (control.address() as AddressInfo).port);
  return async () => {
    control.close();
    await stop('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
}
