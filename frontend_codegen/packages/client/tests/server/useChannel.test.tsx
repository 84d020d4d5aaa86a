// @vitest-environment happy-dom
/** `useChannel` against a server: the same for Apollo Client, urql with both caches, and a socket. */
import * as apolloHooks from '@apollo/client/react';
import { act, cleanup, render } from '@testing-library/react';
import { cacheExchange as documentCache } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { memo, type ReactNode, StrictMode } from 'react';
import * as urqlHooks from 'urql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ProjectChannelTypes,
  ProjectDocument,
  projectChannel,
} from '../../../../generated/rxgraph.js';
import * as apollo from '../../src/apollo/index.js';
import type { ChannelEvent } from '../../src/core/index.js';
import type { UsedChannel } from '../../src/react/index.js';
import * as bare from '../../src/react/index.js';
import * as urql from '../../src/urql/index.js';
import { apolloClient, OnApollo, OnUrql, urqlClient } from '../support/clients.js';
import { hearComplaints } from '../support/complaints.js';
import { converged, liveThrough } from '../support/scenario.js';
import { facts, makeBoard, openSocket, plain, type ServedBoard, write } from '../support/server.js';

type Used = UsedChannel<ProjectChannelTypes>;
type Task = NonNullable<Used['state']>['tasks'][number];

let board: ServedBoard;
let opened: ReturnType<typeof openSocket>;
let used: Used;
let cached: unknown;
let expectNoComplaints: () => void;
const events: ChannelEvent[] = [];
const onEvent = (event: ChannelEvent) => events.push(event);
const seen: unknown[] = [];
const renders: Record<string, number> = {};

beforeEach(async () => {
  board = await makeBoard();
  opened = openSocket(board);
  expectNoComplaints = hearComplaints();
  events.length = 0;
  seen.length = 0;
  cached = undefined;
  for (const name of Object.keys(renders)) delete renders[name];
});

afterEach(async () => {
  cleanup();
  await opened.socket.dispose();
  expectNoComplaints();
});

const count = (name: string) => {
  renders[name] = (renders[name] ?? 0) + 1;
};

const Card = memo(function Card({ task }: { task: Task }) {
  count(`card ${task.id}`);
  return <li>{task.title}</li>;
});

function Page({ tasks }: { tasks: readonly Task[] }) {
  count('page');
  return (
    <ul>
      {tasks.map((task) => (
        <Card key={task.id} task={task} />
      ))}
    </ul>
  );
}

/** The second task, whatever else there is. */
const Second = memo(function Second() {
  seen.push(bare.useInstance(used.channel, 'Task', String(board.tasks[1]))?.title ?? null);
  return null;
});

function Apollo() {
  used = apollo.useChannel(projectChannel, { projectId: board.project }, { onEvent });
  return <Page tasks={used.state?.tasks ?? []} />;
}

function ApolloCached() {
  const variables = { projectId: board.project };
  const { data } = apolloHooks.useQuery(ProjectDocument, { variables, fetchPolicy: 'cache-only' });
  cached = data?.project?.state;
  return null;
}

function Urql() {
  used = urql.useChannel(projectChannel, { projectId: board.project }, { onEvent });
  return <Page tasks={used.state?.tasks ?? []} />;
}

function UrqlCached() {
  const variables = { projectId: board.project };
  const query = { query: ProjectDocument, variables, requestPolicy: 'cache-only' } as const;
  const [{ data }] = urqlHooks.useQuery(query);
  cached = data?.project.state;
  return null;
}

function Bare() {
  used = bare.useChannel(projectChannel, { projectId: board.project }, { onEvent });
  return <Page tasks={used.state?.tasks ?? []} />;
}

const PAGES: Record<string, (more?: ReactNode) => ReactNode> = {
  'Apollo Client': (more) => (
    <OnApollo client={apolloClient(opened.socket)}>
      <Apollo />
      <ApolloCached />
      {more}
    </OnApollo>
  ),
  'urql with Graphcache': (more) => (
    <OnUrql client={urqlClient(opened.socket, cacheExchange({}))}>
      <Urql />
      <UrqlCached />
      {more}
    </OnUrql>
  ),
  'urql with its document cache': (more) => (
    <OnUrql client={urqlClient(opened.socket, documentCache)}>
      <Urql />
      {more}
    </OnUrql>
  ),
  'a bare socket': (more) => (
    <bare.SocketProvider socket={opened.socket}>
      <Bare />
      {more}
    </bare.SocketProvider>
  ),
};

const task = (place: number): Task => {
  const found = used.state?.tasks[place];
  if (!found) throw new Error(`there is no task at ${place}`);
  return found;
};
const titles = () => used.state?.tasks.map(({ title }) => title);
const quiet = { interval: 10, timeout: 10_000 };

describe.each(Object.keys(PAGES))('%s', (name) => {
  const page = (more?: ReactNode) => PAGES[name]?.(more);
  const hasCache = name === 'Apollo Client' || name === 'urql with Graphcache';

  it('is right through everything, in StrictMode, and asks for nothing again', async () => {
    render(<StrictMode>{page()}</StrictMode>);
    await liveThrough(board, () => used.state);
    if (hasCache) await converged(board, () => cached);
    expect(opened.sent.filter(({ name }) => name !== 'ProjectLive')).toEqual([]);
    expect(opened.connections).toBe(1);
    expect(used).toMatchObject({ connected: true, status: 'live', error: null, empty: false });
    expect(used.lastUpdate).toBeInstanceOf(Date);
    expect(events[0]?.kind).toBe('SNAPSHOT');
  });

  it('renders again what changed, and nothing else', async () => {
    render(page());
    await converged(board, () => used.state);
    const before = { ...renders };
    const [first, second, third] = board.tasks as [number, number, number];
    await write({ op: 'save', model: 'Task', pk: second, data: { title: 'Once' } });
    await converged(board, () => used.state);
    expect(renders).toEqual({
      page: (before.page ?? 0) + 1,
      [`card ${first}`]: before[`card ${first}`],
      [`card ${second}`]: (before[`card ${second}`] ?? 0) + 1,
      [`card ${third}`]: before[`card ${third}`],
    });
  });

  it('shares one subscription among components, and leaves nothing when they are gone', async () => {
    const { unmount } = render(page(page()));
    await converged(board, () => used.state);
    expect(opened.sent).toHaveLength(name === 'a bare socket' ? 1 : 2); // one for each client
    unmount();
    await vi.waitFor(
      async () => expect((await facts()).replicas).not.toContain(String(board.project)),
      quiet,
    );
  });

  it('saves, creates and deletes, shown before the server has answered', async () => {
    render(page());
    await converged(board, () => used.state);
    await act(async () => {
      const saved = task(0).save({ title: 'Mine' });
      expect(used.channel.view.state?.tasks[0]?.title).toBe('Mine');
      await saved;
    });
    expect(titles()?.[0]).toBe('Mine');
    let id = '';
    await act(async () => {
      const { channel, state } = used;
      const created = state?.tasks.create({ title: 'New', position: 9 });
      expect(channel.view.state?.tasks.at(-1)).toMatchObject({ title: 'New', comments: [] });
      ({ id } = (await created) ?? { id });
    });
    expect(titles()?.at(-1)).toBe('New');
    expect(task(3).id).toBe(id);
    await act(async () => {
      await task(3).checklist.create({ text: 'A step' });
    });
    expect(task(3).checklist[0]).toMatchObject({ text: 'A step', done: false });
    await act(async () => {
      await task(3).checklist[0]?.save({ done: true });
      const deleted = task(1).delete();
      expect(used.channel.view.state?.tasks).toHaveLength(3);
      await deleted;
    });
    await converged(board, () => used.state);
    if (hasCache) await converged(board, () => cached);
    expect(used.channel.told.state).toBe(used.state);
  });

  it('takes back what the server refuses, to the very same state', async () => {
    render(page());
    await converged(board, () => used.state);
    const { state, channel } = used;
    const refused = [
      task(0).save({ title: '' }, { at: 2 }),
      state?.tasks.create({ title: '' }, { at: 0 }),
      task(1).save({ assigneeId: '999999' }),
    ];
    expect(channel.view.state?.tasks.map(({ title }) => title)).toEqual(['', 't0', 't0', '']);
    await act(async () => {
      const results = await Promise.allSettled(refused);
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      const [first] = results as PromiseRejectedResult[];
      expect(first?.reason).toMatchObject({
        name: 'RefusedError',
        messages: [{ field: 'title', code: 'BLANK' }],
      });
    });
    expect(channel.view.state).toBe(state);
    await converged(board, () => used.state);
  });

  it('shows one instance, and hears only of that', async () => {
    const [first, second] = board.tasks as [number, number];
    render(page(<Second />));
    await converged(board, () => used.state);
    await write({ op: 'save', model: 'Task', pk: first, data: { title: 'Other' } });
    await converged(board, () => used.state);
    await write({ op: 'save', model: 'Task', pk: second, data: { title: 'This' } });
    await converged(board, () => used.state);
    await write({ op: 'delete', model: 'Task', pk: second });
    await converged(board, () => used.state);
    expect(seen).toEqual([null, 't0', 'This', null]);
  });

  it('says why there is nothing to show', async () => {
    board = { ...board, project: 999_999 };
    render(page());
    await vi.waitFor(() => expect(used.status).toBe('closed'), quiet);
    expect(used).toMatchObject({
      state: null,
      connected: false,
      error: { code: 'NOT_FOUND', name: 'ChannelError' },
    });
    expect(opened.sent).toHaveLength(1);
  });

  it('is empty when the anchor is deleted', async () => {
    render(page());
    await converged(board, () => used.state);
    await write({ op: 'delete', model: 'Project', pk: board.project });
    await vi.waitFor(
      () => expect(used).toMatchObject({ state: null, empty: true, status: 'closed' }),
      quiet,
    );
    if (hasCache) await vi.waitFor(() => expect(plain(cached)).toBeNull(), quiet);
  });

  it('tells the light when the connection is lost and found', async () => {
    render(page());
    await converged(board, () => used.state);
    const { state } = used;
    act(() => opened.cut());
    await vi.waitFor(() => expect(used.status).toBe('reconnecting'), quiet);
    await vi.waitFor(() => expect(used.connected).toBe(true), quiet);
    expect(used.state).toBe(state);
    expect(opened.sent[1]?.variables).toMatchObject({ after: expect.any(String) });
  });
});
