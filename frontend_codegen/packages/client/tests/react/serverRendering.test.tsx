// @vitest-environment happy-dom
/** On a server the hooks render what they are given, and connect to nothing. */
import { act } from '@testing-library/react';
import { cacheExchange } from '@urql/core';
import type { ReactNode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as apollo from '../../src/apollo/index.js';
import type { ChannelDescriptor, InitialState } from '../../src/core/index.js';
import * as bare from '../../src/react/index.js';
import * as urql from '../../src/urql/index.js';
import { type BoardTypes, boardChannel } from '../support/board.js';
import { apolloClient, OnApollo, OnUrql, urqlClient } from '../support/clients.js';
import { hearComplaints } from '../support/complaints.js';

const document = (text: string) => ({
  kind: 'Document' as const,
  definitions: [
    {
      kind: 'OperationDefinition' as const,
      operation: 'subscription' as const,
      name: { kind: 'Name' as const, value: text },
      selectionSet: {
        kind: 'SelectionSet' as const,
        selections: [
          { kind: 'Field' as const, name: { kind: 'Name' as const, value: '__typename' } },
        ],
      },
    },
  ],
});

const channel: ChannelDescriptor<BoardTypes> = {
  ...boardChannel,
  subscription: document('BoardLive'),
};

const initial: InitialState<BoardTypes> = {
  cursor: 'c1',
  state: {
    __typename: 'Board',
    id: '1',
    name: 'Garden',
    columns: [],
    lead: { __typename: 'Person', id: '1', name: 'Ann' },
  },
};

const subscribed = vi.fn(() => () => {});
const makeSocket = () =>
  ({ subscribe: subscribed, on: () => () => {}, terminate: () => {}, dispose: () => {} }) as never;

function Show({ used }: { used: ReturnType<typeof bare.useChannel<BoardTypes>> }) {
  return (
    <p>
      {used.state?.name ?? 'nothing'} {used.status}
    </p>
  );
}

function Bare(props: { isGiven: boolean }) {
  const options = props.isGiven ? { initial } : {};
  return <Show used={bare.useChannel(channel, { boardId: 1 }, options)} />;
}

function Apollo(props: { isGiven: boolean }) {
  const options = props.isGiven ? { initial } : {};
  return <Show used={apollo.useChannel(channel, { boardId: 1 }, options)} />;
}

function Urql(props: { isGiven: boolean }) {
  const options = props.isGiven ? { initial } : {};
  return <Show used={urql.useChannel(channel, { boardId: 1 }, options)} />;
}

const PAGES: Record<string, (isGiven: boolean) => ReactNode> = {
  'Apollo Client': (isGiven) => (
    <OnApollo client={apolloClient(makeSocket())}>
      <Apollo isGiven={isGiven} />
    </OnApollo>
  ),
  urql: (isGiven) => (
    <OnUrql client={urqlClient(makeSocket(), cacheExchange)}>
      <Urql isGiven={isGiven} />
    </OnUrql>
  ),
  'a bare socket': (isGiven) => (
    <bare.SocketProvider socket={makeSocket()}>
      <Bare isGiven={isGiven} />
    </bare.SocketProvider>
  ),
};

let expectNoComplaints: () => void;

beforeEach(() => {
  subscribed.mockClear();
  expectNoComplaints = hearComplaints();
});

afterEach(() => expectNoComplaints());

describe.each(Object.keys(PAGES))('%s', (name) => {
  const page = (isGiven: boolean) => PAGES[name]?.(isGiven);

  it('renders what a query answered', () => {
    expect(renderToString(page(true))).toContain('Garden');
    expect(subscribed).not.toHaveBeenCalled();
  });

  it('renders without a state', () => {
    expect(renderToString(page(false))).toContain('nothing');
    expect(subscribed).not.toHaveBeenCalled();
  });

  it('takes over in the browser without a difference, and goes on from there', async () => {
    const container = window.document.createElement('div');
    container.innerHTML = renderToString(page(true));
    const root = await act(async () => hydrateRoot(container, page(true)));
    expect(container.textContent).toBe('Garden connecting');
    const [payload] = subscribed.mock.calls[0] as unknown as [{ variables: object }];
    expect(payload.variables).toEqual({ boardId: 1, after: 'c1' });
    await act(async () => root.unmount());
  });
});
