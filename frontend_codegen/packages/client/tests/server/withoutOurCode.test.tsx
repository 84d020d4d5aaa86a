// @vitest-environment happy-dom
/**
 * The generated documents, and nothing of ours: a subscription and a cache-only query keep Apollo
 * Client and Graphcache right; plain urql folds.
 */
import * as apollo from '@apollo/client/react';
import { cleanup, render } from '@testing-library/react';
import { cacheExchange as documentCache } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { type ReactNode, StrictMode } from 'react';
import * as urql from 'urql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  foldProject,
  ProjectDocument,
  ProjectLiveDocument,
  projectChannel,
} from '../../../../generated/rxgraph.js';
import { LiveShelfDocument, LiveShelfLiveDocument } from '../live/rxgraph.js';
import { apolloClient, OnApollo, OnUrql, stockExchange, urqlClient } from '../support/clients.js';
import { hearComplaints, isAboutShorterList } from '../support/complaints.js';
import { converged, liveThrough } from '../support/scenario.js';
import { makeBoard, openSocket, type ServedBoard, write } from '../support/server.js';

let shown: unknown;
let board: ServedBoard;
let opened: ReturnType<typeof openSocket>;
let expectNoComplaints: () => void;

beforeEach(async () => {
  board = await makeBoard();
  opened = openSocket(board, { isStock: true });
  shown = undefined;
});

afterEach(async () => {
  cleanup();
  await opened.socket.dispose();
  expectNoComplaints();
});

function ApolloView() {
  const variables = { projectId: board.project };
  apollo.useSubscription(ProjectLiveDocument, { variables });
  const { data } = apollo.useQuery(ProjectDocument, { variables, fetchPolicy: 'cache-only' });
  shown = data?.project?.state;
  return null;
}

function GraphcacheView() {
  const variables = { projectId: board.project };
  urql.useSubscription({ query: ProjectLiveDocument, variables });
  const query = { query: ProjectDocument, variables, requestPolicy: 'cache-only' } as const;
  const [{ data }] = urql.useQuery(query);
  shown = data?.project.state;
  return null;
}

function FoldingView() {
  const variables = { projectId: board.project };
  const [{ data }] = urql.useSubscription({ query: ProjectLiveDocument, variables }, foldProject);
  shown = data?.state;
  return null;
}

function ApolloListView() {
  apollo.useSubscription(LiveShelfLiveDocument);
  const { data } = apollo.useQuery(LiveShelfDocument, { fetchPolicy: 'cache-only' });
  shown = data?.liveShelf?.state;
  return null;
}

function GraphcacheListView() {
  urql.useSubscription({ query: LiveShelfLiveDocument });
  const [{ data }] = urql.useQuery({ query: LiveShelfDocument, requestPolicy: 'cache-only' });
  shown = data?.liveShelf.state;
  return null;
}

const LISTS: Record<string, () => ReactNode> = {
  'Apollo Client': () => (
    <OnApollo client={apolloClient(opened.socket)}>
      <ApolloListView />
    </OnApollo>
  ),
  'urql with Graphcache': () => (
    <OnUrql client={urqlClient(opened.socket, cacheExchange({}), stockExchange(opened.socket))}>
      <GraphcacheListView />
    </OnUrql>
  ),
};

const PAGES: Record<string, () => ReactNode> = {
  'Apollo Client': () => (
    <OnApollo client={apolloClient(opened.socket)}>
      <ApolloView />
    </OnApollo>
  ),
  'Apollo Client with type policies': () => (
    <OnApollo client={apolloClient(opened.socket, projectChannel)}>
      <ApolloView />
    </OnApollo>
  ),
  'urql with Graphcache': () => (
    <OnUrql client={urqlClient(opened.socket, cacheExchange({}), stockExchange(opened.socket))}>
      <GraphcacheView />
    </OnUrql>
  ),
  'urql with its document cache': () => (
    <OnUrql client={urqlClient(opened.socket, documentCache, stockExchange(opened.socket))}>
      <FoldingView />
    </OnUrql>
  ),
};

describe.each(Object.keys(PAGES))('%s', (name) => {
  const page = () => PAGES[name]?.();

  beforeEach(() => {
    expectNoComplaints = hearComplaints(name === 'Apollo Client' ? isAboutShorterList : undefined);
  });

  it('is right through everything, and asks for nothing again', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch');
    render(page());
    await liveThrough(board, () => shown);
    expect(opened.sent.map(({ name }) => name)).toEqual(['ProjectLive']);
    expect(opened.connections).toBe(1);
    expect(fetched).not.toHaveBeenCalled();
  });

  it('is right in StrictMode, and after a lost connection', async () => {
    render(<StrictMode>{page()}</StrictMode>);
    await converged(board, () => shown);
    const { length } = opened.sent;
    opened.cut();
    const [, , last] = board.tasks as [number, number, number];
    await write({ op: 'save', model: 'Task', pk: last, data: { title: 'Meanwhile' } });
    await converged(board, () => shown);
    expect(opened.sent.length).toBe(length + 1);
    expect(opened.sent.at(-1)?.variables).not.toHaveProperty('after');
  });

  it('goes on where it was over a socket that resumes', async () => {
    await opened.socket.dispose();
    opened = openSocket(board);
    render(page());
    await converged(board, () => shown);
    opened.cut();
    const [first] = board.tasks as [number];
    await write({ op: 'save', model: 'Task', pk: first, data: { title: 'Meanwhile' } });
    await converged(board, () => shown);
    expect(opened.sent).toHaveLength(2);
    expect(opened.sent[1]?.variables).toMatchObject({ after: expect.any(String) });
  });
});

describe.each(Object.keys(LISTS))('a list channel in %s', (name) => {
  it('is right through everything, and when a member leaves', async () => {
    expectNoComplaints = hearComplaints(name === 'Apollo Client' ? isAboutShorterList : undefined);
    render(LISTS[name]?.());
    await liveThrough(board, () => (shown as unknown[] | undefined)?.[0]);
    await write({ op: 'delete', model: 'Project', pk: board.project });
    await vi.waitFor(() => expect(shown).toEqual([]), { timeout: 10_000, interval: 20 });
    expect(opened.sent.map(({ name }) => name)).toEqual(['LiveShelfLive']);
  });
});
