/** Lists, runtime state, actions, notifications and system messages, against a server. */
import { print } from 'graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ChannelDescriptor,
  type ChannelTypes,
  type SystemMessage,
  socketTransport,
} from '../../src/core/index.js';
import { WritableConnection } from '../../src/writes/index.js';
import { deskChannel, liveShelfChannel } from '../live/rxgraph.js';
import { converged, liveThrough } from '../support/scenario.js';
import {
  announce,
  makeBoard,
  openSocket,
  plain,
  rendered,
  type ServedBoard,
  write,
} from '../support/server.js';

const quiet = { interval: 10, timeout: 20_000 };

let board: ServedBoard;
let opened: ReturnType<typeof openSocket>;
let stop: (() => void) | undefined;

beforeEach(async () => {
  board = await makeBoard();
  opened = openSocket(board);
});

afterEach(async () => {
  stop?.();
  await opened.socket.dispose();
});

async function watch<T extends ChannelTypes>(
  descriptor: ChannelDescriptor<T>,
  variables: T['variables'],
) {
  const transport = socketTransport(opened.socket, print);
  const backoff = { initialDelayMs: 20, maxDelayMs: 200 };
  const channel = new WritableConnection(descriptor, variables, transport, { backoff });
  stop = channel.subscribe(() => {});
  await vi.waitFor(() => expect(channel.view.connected).toBe(true), quiet);
  return channel;
}

describe('a list channel', () => {
  it('is right through everything that happens to its members', async () => {
    const channel = await watch(liveShelfChannel, {});
    expect(channel.view).toMatchObject({ empty: false, runtime: { count: 1 } });
    await liveThrough(board, () => channel.view.state?.[0]);
    expect(plain(channel.view.state)).toEqual([await rendered(board)]);
  });

  it('is empty, and not unknown, when its last member is gone', async () => {
    const channel = await watch(liveShelfChannel, {});
    await write({ op: 'delete', model: 'Project', pk: board.project });
    await vi.waitFor(() => expect(channel.view.state).toEqual([]), quiet);
    expect(channel.view).toMatchObject({ empty: true, connected: true });
  });

  it('resumes with what it missed', async () => {
    const channel = await watch(liveShelfChannel, {});
    const kinds: string[] = [];
    channel.listen({ onEvent: ({ kind }) => kinds.push(kind) });
    opened.cut();
    const [first] = board.tasks as [number];
    await write({ op: 'save', model: 'Task', pk: first, data: { title: 'Away' } });
    await converged(board, () => channel.view.state?.[0]);
    expect(kinds).not.toContain('SNAPSHOT');
  });
});

describe('a live context', () => {
  it('runs actions, typed, on the session of now', async () => {
    const channel = await watch(deskChannel, { projectId: board.project });
    expect(await channel.actions.rename({ name: 'Orchard' })).toBe(true);
    await vi.waitFor(() => expect(channel.view.state?.name).toBe('Orchard'), quiet);
    expect(await channel.actions.repeat({ text: 'ab', times: 2 })).toBe('abab');
    const ids = await channel.actions.addTasks({ titles: ['One', 'Two'] });
    expect(ids).toHaveLength(2);
    const facts = await channel.actions.facts({});
    expect(facts).toMatchObject({ project: board.project });
    opened.cut();
    await vi.waitFor(() => expect(channel.view.connected).toBe(false), quiet);
    await expect(channel.actions.rename({ name: 'x' })).rejects.toThrow(/needs a live channel/);
    await vi.waitFor(() => expect(channel.view.connected).toBe(true), quiet);
    expect(await channel.actions.rename({ name: 'Again' })).toBe(true);
    await converged(board, () => channel.view.state);
  });

  it('is told why an action failed', async () => {
    const channel = await watch(deskChannel, { projectId: board.project });
    await expect(channel.actions.fail({ kind: 'conflict' })).rejects.toMatchObject({
      name: 'ChannelError',
      code: 'CONFLICT',
      message: 'It is taken',
    });
    await expect(channel.actions.fail({ kind: 'bug' })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(channel.view.connected).toBe(true);
  });

  it('has runtime state, notifications and system messages', async () => {
    const channel = await watch(deskChannel, { projectId: board.project });
    const notified: unknown[] = [];
    const messages: SystemMessage[] = [];
    channel.listen({
      onNotification: (data) => notified.push(data),
      onSystemMessage: (message) => messages.push(message),
    });
    const { state } = channel.view;
    await channel.actions.visit({ times: 3 });
    await vi.waitFor(() => expect(channel.view.runtime).toMatchObject({ visits: 3 }), quiet);
    await channel.actions.tell({ data: { hello: [1, null] } });
    await announce('maintenance', 'Back in five minutes');
    await vi.waitFor(() => expect(messages).toHaveLength(1), quiet);
    expect(notified).toEqual([{ hello: [1, null] }]);
    expect(messages[0]).toMatchObject({ kind: 'maintenance', message: 'Back in five minutes' });
    expect(channel.view.state).toBe(state);
  });
});
