/** However the connection ends, the state comes back to what DRF renders. */
import { print } from 'graphql';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { type ProjectChannelTypes, projectChannel } from '../../../../generated/rxgraph.js';
import { type ChannelEvent, type ChannelStatus, socketTransport } from '../../src/core/index.js';
import { WritableConnection } from '../../src/writes/index.js';
import { CuttingProxy } from '../support/proxy.js';
import { converged } from '../support/scenario.js';
import { makeBoard, openSocket, restart, type ServedBoard, write } from '../support/server.js';

let board: ServedBoard;
let proxy: CuttingProxy;
let opened: ReturnType<typeof openSocket>;
let channel: WritableConnection<ProjectChannelTypes>;
let events: ChannelEvent[];
let statuses: ChannelStatus[];
let stop: () => void;

const show = () => channel.view.state;
const kinds = () => events.map(({ kind }) => kind);
const quiet = { interval: 10, timeout: 20_000 };

function watch() {
  channel = new WritableConnection(
    projectChannel,
    { projectId: board.project },
    socketTransport(opened.socket, print),
    { backoff: { initialDelayMs: 20, maxDelayMs: 200 } },
  );
  events = [];
  statuses = [];
  channel.listen({ onEvent: (event) => events.push(event) });
  stop = channel.subscribe(() => {
    if (statuses.at(-1) !== channel.view.status) statuses.push(channel.view.status);
  });
}

const rename = (title: string, place = 0) =>
  write({ op: 'save', model: 'Task', pk: board.tasks[place] as number, data: { title } });

const dropped = () => vi.waitFor(() => expect(channel.view.connected).toBe(false), quiet);
const live = () => vi.waitFor(() => expect(channel.view.connected).toBe(true), quiet);

beforeEach(async () => {
  board = await makeBoard();
  proxy = await CuttingProxy.to(inject('serverPort'));
  opened = openSocket(board, { port: proxy.port });
  watch();
});

afterEach(async () => {
  stop();
  await opened.socket.dispose();
  proxy.close();
});

/** Change things in every way while nobody hears of it. */
async function changeEverything() {
  const { project, tasks, people } = board;
  const [first, second, third] = tasks as [number, number, number];
  await write(
    { op: 'save', model: 'Task', pk: first, data: { title: 'Away', position: 7 } },
    { op: 'delete', model: 'Task', pk: second },
    { op: 'create', model: 'Task', data: { title: 'New', project_id: project, position: 5 } },
    {
      op: 'create',
      model: 'Comment',
      data: { task_id: third, author_id: people[1].id, body: 'Here' },
    },
  );
}

describe('a connection that ends', () => {
  it.each(['cut', 'close'] as const)('%s: resumes with what it missed', async (how) => {
    await converged(board, show);
    opened[how]();
    await changeEverything();
    await converged(board, show);
    await live();
    expect(statuses).toEqual(['connecting', 'live', 'reconnecting', 'live']);
    expect(kinds()).not.toContain('RESET');
    expect(kinds().filter((kind) => kind === 'SNAPSHOT')).toHaveLength(1);
  });

  it('resumes again and again, through refused connections', async () => {
    await converged(board, show);
    for (let round = 0; round < 3; round += 1) {
      proxy.isDown = true;
      proxy.cut();
      await dropped();
      await rename(`Round ${round}`);
      proxy.isDown = false;
      await converged(board, show);
      await live();
    }
    expect(kinds().filter((kind) => kind === 'SNAPSHOT')).toHaveLength(1);
  });

  it('notices a connection on which nothing comes any more', async () => {
    stop();
    await opened.socket.dispose();
    opened = openSocket(board, { port: proxy.port, keepAlive: 100, pongTimeoutMs: 500 });
    watch();
    await converged(board, show);
    proxy.isStalled = true;
    await rename('Unheard');
    await dropped();
    proxy.isStalled = false;
    await converged(board, show);
    await live();
    expect(opened.connections).toBeGreaterThan(1);
    expect(kinds().filter((kind) => kind === 'SNAPSHOT')).toHaveLength(1);
  });

  it('begins anew when the first snapshot breaks off in the middle', async () => {
    stop();
    await opened.socket.dispose();
    opened = openSocket(board, { port: proxy.port });
    watch();
    proxy.left = 700; // past the handshake; the snapshot, compressed, has more
    await vi.waitFor(() => expect(proxy.left).toBe(Number.POSITIVE_INFINITY), quiet);
    expect(events).toEqual([]);
    await converged(board, show);
    expect(opened.connections).toBe(2);
    expect(opened.sent[1]?.variables).not.toHaveProperty('after');
  });

  it('goes on from the event before one that breaks off in the middle', async () => {
    await converged(board, show);
    const { cursor } = channel.told;
    proxy.left = 200;
    await rename('x'.repeat(150));
    await converged(board, show);
    expect(opened.sent.at(-1)?.variables).toMatchObject({ after: cursor });
  });

  it('shows its writes that were on their way, once', async () => {
    await converged(board, show);
    proxy.left = 10; // the answer never arrives
    const saved = channel.view.state?.tasks[0]?.save({ title: 'Once' });
    await expect(saved).resolves.toMatchObject({ id: String(board.tasks[0]) });
    const created = channel.view.state?.tasks.create({ title: 'Single' });
    proxy.cut();
    await created;
    await converged(board, show);
    expect(channel.view.state?.tasks.filter(({ title }) => title === 'Single')).toHaveLength(1);
  });
});

describe('a client that leaves', () => {
  it('comes back to the state of then, with what it missed', async () => {
    await converged(board, show);
    const { state } = channel.view;
    stop();
    await vi.waitFor(() => expect(channel.view.status).toBe('idle'), quiet);
    expect(channel.view.state).toBe(state);
    await changeEverything();
    stop = channel.subscribe(() => {});
    await converged(board, show);
    expect(kinds()[1]).toBe('DELTA');
  });

  it('may come and go at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      stop();
      stop = channel.subscribe(() => {});
    }
    await converged(board, show);
    expect(opened.sent).toHaveLength(1);
  });

  it('starts from a query, and misses nothing between', async () => {
    await converged(board, show);
    const { data } = await socketTransport(opened.socket, print).mutate({
      document: projectChannel.query,
      variables: { projectId: board.project },
    });
    stop();
    await changeEverything();
    const initial = data?.project as { cursor: string; state: ProjectChannelTypes['state'] };
    const transport = socketTransport(opened.socket, print);
    const variables = { projectId: board.project };
    channel = new WritableConnection(projectChannel, variables, transport, { initial });
    expect(channel.view.state?.tasks).toHaveLength(3);
    const kinds: string[] = [];
    channel.listen({ onEvent: ({ kind }) => kinds.push(kind) });
    stop = channel.subscribe(() => {});
    await converged(board, show);
    expect(kinds[0]).toBe('DELTA');
  });
});

describe('a server', () => {
  it.each(['deploy', 'kill'] as const)('%s: the state is its state again', async (how) => {
    await converged(board, show);
    await restart(how);
    await changeEverything();
    await converged(board, show);
    await live();
    // its memory is gone, so the old cursor leads to everything
    expect(kinds()).toContain('RESET');
    expect(kinds().filter((kind) => kind === 'SNAPSHOT').length).toBeGreaterThan(1);
  });

  it('that refuses the credentials is not asked again', async () => {
    stop();
    const [ann, bob] = board.people;
    const strangers = { ...board, people: [{ ...ann, token: 'wrong' }, bob] as const };
    await opened.socket.dispose();
    opened = openSocket(strangers, { port: proxy.port });
    watch();
    await vi.waitFor(() => expect(channel.view.status).toBe('closed'), quiet);
    expect(channel.view.error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(opened.connections).toBe(1);
  });

  it('that has no such board says so', async () => {
    board = { ...board, project: 999_999 };
    stop();
    watch();
    await vi.waitFor(() => expect(channel.view.status).toBe('closed'), quiet);
    expect(channel.view.error).toMatchObject({ code: 'NOT_FOUND', name: 'ChannelError' });
  });
});
