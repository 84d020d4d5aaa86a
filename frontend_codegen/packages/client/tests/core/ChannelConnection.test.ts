import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ChannelConnection, type ChannelEvent, RefusedError } from '../../src/core/index.js';
import { WritableConnection } from '../../src/writes/index.js';
import { type BoardTypes, boardChannel } from '../support/board.js';
import { ManualClock, ScriptedTransport } from '../support/scripted.js';

const ref = (__typename: string, id: string) => ({ __typename, id });
const ann = { __typename: 'Person', id: '1', name: 'Ann' };
const bob = { __typename: 'Person', id: '2', name: 'Bob' };
const card = (id: string, title: string, owner: object | null = null) => ({
  __typename: 'Card',
  id,
  title,
  madeAt: '2025-12-31T00:00:00Z',
  owner,
  watchers: [],
});
const board = {
  __typename: 'Board',
  id: '1',
  name: 'Garden',
  columns: [ref('Column', '1')],
  lead: ref('Person', '1'),
};
const column = (...ids: string[]) => ({
  __typename: 'Column',
  id: '1',
  cards: ids.map((id) => ref('Card', id)),
});
const snapshot: ChannelEvent = {
  kind: 'SNAPSHOT',
  cursor: 'c1',
  session: 's1',
  channel: { state: ref('Board', '1') },
  changed: {
    boards: [board],
    columns: [column('1', '2')],
    cards: [card('1', 'Dig', ref('Person', '1')), card('2', 'Sow', ref('Person', '2'))],
    people: [ann, bob],
  },
};
const delta = (cursor: string, changed: object, more: object = {}): ChannelEvent => ({
  kind: 'DELTA',
  cursor,
  changed: changed as Record<string, never>,
  ...more,
});

let transport: ScriptedTransport;
let clock: ManualClock;
let channel: WritableConnection<BoardTypes>;
let stop: () => void;
const onChange = vi.fn();

beforeEach(() => {
  transport = new ScriptedTransport();
  clock = new ManualClock();
  channel = new WritableConnection(boardChannel, { boardId: 1 }, transport, { clock });
  onChange.mockClear();
  stop = channel.subscribe(onChange);
});

const titles = () => channel.view.state?.columns[0]?.cards.map(({ title }) => title);
const mutation = (place = -1) => {
  const found = transport.mutations.at(place);
  if (!found) throw new Error('nothing was sent');
  return found;
};
const flush = () => new Promise((resolve) => setTimeout(resolve));

describe('the connection', () => {
  it('connects, is live with the first event, and says when', () => {
    expect(channel.view).toMatchObject({ status: 'connecting', connected: false, state: null });
    transport.tell(snapshot);
    expect(channel.view).toMatchObject({ status: 'live', connected: true, error: null });
    expect(channel.view.lastUpdate).toEqual(new Date(clock.now()));
    expect(channel.view.state?.columns[0]?.cards[0]?.owner?.name).toBe('Ann');
  });

  it('sends its arguments, and the newest cursor when it comes back', () => {
    expect(transport.current.request.variables).toEqual({ boardId: 1 });
    transport.tell(snapshot);
    transport.tell(delta('c2', {}));
    transport.current.sink.error(new Error('gone'));
    expect(channel.view).toMatchObject({ status: 'reconnecting', error: { message: 'gone' } });
    clock.turn(1_000);
    expect(transport.subscriptions).toHaveLength(2);
    expect(transport.current.request.variables).toEqual({ boardId: 1, after: 'c2' });
    transport.tell(delta('c3', { cards: [card('2', 'Sown')] }));
    expect(channel.view).toMatchObject({ status: 'live', error: null });
    expect(titles()).toEqual(['Dig', 'Sown']);
  });

  it('waits longer each time it fails, and hurries again once it was live', () => {
    const waits: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      transport.current.sink.error(new Error('down'));
      const begun = clock.now();
      const { length } = transport.subscriptions;
      while (transport.subscriptions.length === length) clock.turn(1);
      waits.push(clock.now() - begun);
    }
    expect(waits).toEqual([375, 750, 1500, 3000]);
    transport.tell(snapshot);
    transport.current.sink.error(new Error('down'));
    clock.turn(375);
    expect(transport.subscriptions).toHaveLength(6);
  });

  it('asks for everything again after a RESET, and keeps what it shows until then', () => {
    transport.tell(snapshot);
    const { state } = channel.view;
    const onReset = vi.fn();
    channel.listen({ onReset });
    transport.tell({ kind: 'RESET', cursor: 'c9', resetReason: 'CACHE_CLEARED' });
    expect(onReset).toHaveBeenCalledWith('CACHE_CLEARED');
    expect(channel.view.state).toBe(state);
    transport.current.sink.error(new Error('lost before the snapshot'));
    clock.turn(1_000);
    expect(transport.current.request.variables).toEqual({ boardId: 1 });
    transport.tell(snapshot);
    expect(channel.view.state).toBe(state); // all of it is as it was
  });

  it('notices a gap, and reads anew without a cursor', () => {
    transport.tell(snapshot);
    transport.tell(delta('c2', { columns: [column('1', '2', '3')] }));
    expect(transport.current.isStopped).toBe(true);
    expect(channel.view.error).toMatchObject({ code: 'GAP', message: /Card:3/ });
    expect(titles()).toEqual(['Dig', 'Sow']);
    clock.turn(1_000);
    expect(transport.current.request.variables).toEqual({ boardId: 1 });
  });

  it.each([
    ['BAD_REQUEST', [{ message: 'no', extensions: { code: 'BAD_REQUEST' } }]],
    ['UNAUTHENTICATED', { code: 4401, reason: 'Unauthorized' }],
    ['UNAUTHENTICATED', new Error('Socket closed with event 4401 Unauthorized')],
    ['FORBIDDEN', { graphQLErrors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] }],
    ['NOT_FOUND', { errors: [{ message: 'no', extensions: { code: 'NOT_FOUND' } }] }],
  ])('gives up where trying again is no use: %s', (code, error) => {
    transport.current.sink.error(error);
    clock.turn(100_000);
    expect(channel.view).toMatchObject({ status: 'closed', error: { code } });
    expect(transport.subscriptions).toHaveLength(1);
    channel.retry();
    expect(transport.subscriptions).toHaveLength(2);
    expect(channel.view.status).toBe('connecting');
  });

  it('tries again after errors that pass', () => {
    transport.current.sink.next({
      errors: [{ message: 'busy', extensions: { code: 'RATE_LIMITED' } }],
    });
    expect(channel.view.error).toMatchObject({ code: 'RATE_LIMITED' });
    clock.turn(1_000);
    expect(transport.subscriptions).toHaveLength(2);
  });

  it('ends when the server ends the stream, with an empty state', () => {
    transport.tell(snapshot);
    expect(channel.view.empty).toBe(false);
    transport.tell(delta('c2', {}, { channel: { state: null } }));
    transport.current.sink.complete();
    expect(channel.view).toMatchObject({ status: 'closed', state: null, empty: true });
  });

  it('hears of the socket below, which subscribes again by itself', () => {
    transport.tell(snapshot);
    for (const tell of transport.watchers) tell(false);
    expect(channel.view).toMatchObject({ status: 'reconnecting', connected: false });
    expect(transport.subscriptions).toHaveLength(1);
    transport.tell(delta('c2', {}));
    expect(channel.view.status).toBe('live');
  });

  it('stops when the last listener leaves, and goes on from there', () => {
    transport.tell(snapshot);
    const second = channel.subscribe(onChange);
    stop();
    clock.turn(0);
    expect(transport.current.isStopped).toBe(false);
    second();
    const third = channel.subscribe(onChange); // as StrictMode does
    clock.turn(0);
    expect(transport.subscriptions).toHaveLength(1);
    third();
    clock.turn(0);
    expect(transport.current.isStopped).toBe(true);
    expect(channel.view.status).toBe('idle');
    expect(transport.watchers.size + clock.waiting).toBe(0);
    channel.subscribe(onChange);
    expect(transport.current.request.variables).toEqual({ boardId: 1, after: 'c1' });
    expect(titles()).toEqual(['Dig', 'Sow']);
  });

  it('starts from what a query answered', () => {
    transport.tell(snapshot);
    const { state } = channel.view;
    const initial = { cursor: 'c7', state: JSON.parse(JSON.stringify(state)) };
    const later = new ChannelConnection(boardChannel, { boardId: 1 }, transport, { initial });
    expect(later.view.state).toEqual(state);
    const owner = later.view.state?.columns[0]?.cards[0]?.owner;
    expect(owner).toBe(later.view.state?.lead);
    later.subscribe(onChange)();
    expect(transport.current.request.variables).toEqual({ boardId: 1, after: 'c7' });
  });

  it('tells notifications and keeps the runtime state; listeners that throw harm nobody', () => {
    const onNotification = vi.fn();
    const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => {});
    channel.listen({
      onEvent: () => {
        throw new Error('not yours');
      },
    });
    const onSystemMessage = vi.fn();
    const end = channel.listen({ onNotification, onSystemMessage });
    transport.tell({ ...snapshot, runtime: { viewers: 2 } });
    transport.tell({ kind: 'MESSAGE', cursor: 'c1', notifications: [{ data: { text: 'hi' } }] });
    const system = { source: 'rxgraph', kind: 'maintenance', message: 'Back in five minutes' };
    transport.tell({ kind: 'MESSAGE', cursor: 'c1', notifications: [{ data: system }] });
    end();
    transport.tell({ kind: 'MESSAGE', cursor: 'c1', notifications: [{ data: 'unheard' }] });
    expect(onSystemMessage.mock.calls).toEqual([[system]]);
    expect(onNotification.mock.calls).toEqual([[{ text: 'hi' }]]);
    expect(channel.view).toMatchObject({ status: 'live', runtime: { viewers: 2 } });
    expect(later.mock.calls[0]?.[0]).toThrow('not yours');
    later.mockRestore();
  });

  it('calls actions on the session at hand', async () => {
    await expect(channel.actions.rename({ name: 'x' })).rejects.toThrow(/needs a live channel/);
    transport.tell(snapshot);
    const renamed = channel.actions.rename({ name: 'Orchard' });
    await flush();
    expect(mutation().request).toEqual({
      document: 'mutation Rename',
      variables: { name: 'Orchard', session: 's1' },
    });
    mutation().answer({ data: { boardRename: true } });
    expect(await renamed).toBe(true);
  });
});

describe('writes', () => {
  beforeEach(() => transport.tell(snapshot));

  const first = () => {
    const found = channel.view.state?.columns[0]?.cards[0];
    if (!found) throw new Error('there is no card');
    return found;
  };
  const cards = () => {
    const found = channel.view.state?.columns[0]?.cards;
    if (!found) throw new Error('there is no list');
    return found;
  };
  const accepted = (field: string, payload: object) => ({
    data: { [field]: { cursor: 'c2', messages: [], parents: null, ...payload } },
  });
  const refusal = [{ kind: 'VALIDATION', message: 'Too long.', field: 'title', code: 'MAX' }];

  it('shows a save at once, and the server has the last word', async () => {
    const saved = first().save({ title: 'Dig!', ownerId: '2' }, { clientMutationId: 'm1' });
    expect(titles()).toEqual(['Dig!', 'Sow']);
    expect(first().owner?.name).toBe('Bob');
    await flush();
    expect(mutation().request).toEqual({
      document: 'mutation boardSaveCard',
      variables: {
        boardId: 1,
        id: '1',
        data: { title: 'Dig!', ownerId: '2' },
        clientMutationId: 'm1',
      },
    });
    const row = card('1', 'DIG', ref('Person', '2'));
    transport.tell(delta('c2', { cards: [row] }, { clientMutationIds: ['m1'] }));
    expect(titles()).toEqual(['DIG', 'Sow']);
    mutation().answer(accepted('boardSaveCard', { card: row }));
    expect(await saved).toEqual({ id: '1', clientMutationId: 'm1', cursor: 'c2' });
    expect(clock.waiting).toBe(0);
  });

  it('goes back to the very same state when the server refuses', async () => {
    const before = channel.view.state;
    const saved = first().save({ title: 'Digggg' }, { at: 1 });
    expect(titles()).toEqual(['Sow', 'Digggg']);
    await flush();
    mutation().answer({ data: { boardSaveCard: { card: null, messages: refusal } } });
    await expect(saved).rejects.toEqual(new RefusedError(refusal));
    await expect(saved).rejects.toHaveProperty('messages', refusal);
    expect(channel.view.state).toBe(before);
  });

  it('goes back when the mutation fails, with the code of the error', async () => {
    const before = channel.view.state;
    const deleted = first().delete();
    expect(titles()).toEqual(['Sow']);
    await flush();
    mutation().answer({ errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] });
    await expect(deleted).rejects.toMatchObject({ name: 'ChannelError', code: 'FORBIDDEN' });
    expect(channel.view.state).toBe(before);
  });

  it('lets the server win after the timeout', async () => {
    const saved = first().save({ title: 'Slow' });
    const before = channel.told.state;
    clock.turn(2_999);
    expect(titles()).toEqual(['Slow', 'Sow']);
    clock.turn(1);
    expect(titles()).toEqual(['Dig', 'Sow']);
    expect(channel.view.state).toBe(before);
    await flush();
    mutation().answer(accepted('boardSaveCard', { card: card('1', 'Slow') }));
    await saved;
    expect(titles()).toEqual(['Dig', 'Sow']); // until the stream says so
    transport.tell(delta('c2', { cards: [card('1', 'Slow')] }));
    expect(titles()).toEqual(['Slow', 'Sow']);
  });

  it('replaces a temporary id by the real one', async () => {
    const created = cards().create({ title: 'Reap' }, { at: 0, clientMutationId: 'm1' });
    expect(titles()).toEqual(['Reap', 'Dig', 'Sow']);
    const [temporary] = cards();
    expect(temporary).toMatchObject({
      __typename: 'Card',
      owner: null,
      watchers: [],
      madeAt: '2026-01-01T00:00:00.000Z',
    });
    const renamed = temporary?.save({ title: 'Reap!' }); // before its id is known
    expect(titles()).toEqual(['Reap!', 'Dig', 'Sow']);
    await flush();
    expect(transport.mutations).toHaveLength(1);
    expect(mutation().request.variables).toEqual({
      boardId: 1,
      parent: { column: '1' },
      data: { title: 'Reap' },
      clientMutationId: 'm1',
    });
    const changed = { columns: [column('3', '1', '2')], cards: [card('3', 'Reap')] };
    transport.tell(delta('c2', changed, { clientMutationIds: ['m1'] }));
    expect(cards().map(({ id }) => id)).toEqual(['3', '1', '2']);
    mutation(0).answer(
      accepted('boardCreateCard', {
        card: card('3', 'Reap'),
        parents: { columns: [column('3', '1', '2')] },
      }),
    );
    expect(await created).toMatchObject({ id: '3' });
    await flush();
    expect(mutation().request.variables).toMatchObject({ id: '3', data: { title: 'Reap!' } });
    mutation().answer(accepted('boardSaveCard', { card: card('3', 'Reap!') }));
    await renamed;
  });

  it('takes a refused creation out again', async () => {
    const before = channel.view.state;
    const created = cards().create({ title: '' });
    expect(titles()).toEqual(['Dig', 'Sow', '']);
    await flush();
    mutation().answer({ data: { boardCreateCard: { card: null, messages: refusal } } });
    await expect(created).rejects.toThrow('Too long.');
    expect(channel.view.state).toBe(before);
  });

  it('shows a write that is answered until the stream is there, too', async () => {
    for (const tell of transport.watchers) tell(false); // it comes while the stream is resumed
    const created = cards().create({ title: 'reap' }, { clientMutationId: 'm1' });
    await flush();
    const changed = { columns: [column('1', '2', '3')], cards: [card('3', 'Reap')] };
    mutation().answer(
      accepted('boardCreateCard', {
        card: card('3', 'Reap'),
        parents: { columns: changed.columns },
      }),
    );
    await created;
    expect(titles()).toEqual(['Dig', 'Sow', 'reap']);
    expect(channel.told.state).not.toBe(channel.view.state);
    transport.tell(delta('c2', changed)); // what a resumed stream begins with names no writes
    expect(channel.told.state).toBe(channel.view.state);
    expect(cards()[2]?.id).toBe('3');
  });

  it('keeps showing a write whose place in the stream is not known yet', async () => {
    const created = cards().create({ title: 'Reap' }, { clientMutationId: 'm1' });
    const [, , temporary] = cards();
    const saved = temporary?.save({ title: 'Reap!' });
    await flush();
    mutation().answer({ data: { boardCreateCard: { card: null, cursor: null, messages: [] } } });
    expect(await created).toEqual({ id: '', clientMutationId: 'm1', cursor: null });
    await expect(saved).rejects.toThrow('The id of the new Card is not known yet');
    expect(titles()).toEqual(['Dig', 'Sow', 'Reap']);
    const told = { columns: [column('1', '2', '3')], cards: [card('3', 'Reap')] };
    transport.tell(delta('c2', told, { clientMutationIds: ['m1'] }));
    expect(cards().map(({ id }) => id)).toEqual(['1', '2', '3']);
  });

  it('never shows what was answered over what was told since', async () => {
    const saved = first().save({ title: 'Mine' }, { clientMutationId: 'm1' });
    await flush();
    const told = { cards: [card('1', 'Mine')] };
    transport.tell(delta('c2', told, { clientMutationIds: ['m1'] }));
    transport.tell(delta('c3', { cards: [card('1', 'Theirs')] }));
    mutation().answer(accepted('boardSaveCard', { card: card('1', 'Mine') }));
    await saved;
    expect(titles()).toEqual(['Theirs', 'Sow']);
  });

  it('waits for the event where answers do not come in the order of the stream', async () => {
    Object.assign(transport, { watch: undefined }); // as over HTTP
    const saved = first().save({ title: 'Mine' }, { clientMutationId: 'm1' });
    await flush();
    mutation().answer(accepted('boardSaveCard', { card: card('1', 'Mine') }));
    await saved;
    transport.tell(delta('c2', { cards: [card('2', 'Other')] }));
    expect(titles()).toEqual(['Mine', 'Other']);
    expect(channel.told.state).not.toBe(channel.view.state);
    const told = { cards: [card('1', 'Mine')] };
    transport.tell(delta('c3', told, { clientMutationIds: ['m1'] }));
    expect(channel.told.state).toBe(channel.view.state);
  });

  it('keeps what others change while a write is on its way', async () => {
    const saved = first().save({ title: 'Mine' }, { clientMutationId: 'm1' });
    transport.tell(delta('c2', { cards: [card('1', 'Theirs', ref('Person', '2'))] }));
    expect(first()).toMatchObject({ title: 'Mine', owner: { name: 'Bob' } });
    const both = { cards: [card('1', 'Mine', ref('Person', '2'))] };
    transport.tell(delta('c3', both, { clientMutationIds: ['m1'] }));
    await flush();
    mutation().answer(accepted('boardSaveCard', { card: both.cards[0] }));
    await saved;
    expect(first()).toMatchObject({ title: 'Mine', owner: { name: 'Bob' } });
  });

  it('shows nothing before the answer where the layer is not optimistic', async () => {
    const before = channel.view.state;
    const saved = channel.view.state?.save({ name: 'Orchard' });
    expect(channel.view.state).toBe(before);
    await flush();
    mutation().answer(accepted('boardSaveBoard', { board: { ...board, name: 'Orchard' } }));
    await saved;
    expect(channel.view.state).toBe(before);
  });

  it('has methods only where they are declared, and none that shows', async () => {
    const { state } = channel.view;
    expect(Object.keys(first())).toEqual(Object.keys(card('1', 'Dig')));
    expect('save' in (state?.lead ?? {})).toBe(false);
    expect('delete' in (state ?? {})).toBe(false);
    expect('create' in (state?.columns ?? [])).toBe(false);
    expect(JSON.parse(JSON.stringify(cards()))).toEqual(structuredClone(cards()));
    await expect(channel.writer.save('Person', '1', {})).rejects.toThrow(
      'BoardChannel does not let clients save Person',
    );
  });

  it('re-makes only the path to what changed', () => {
    const before = channel.view.state;
    first()
      .save({ title: 'Dig!' })
      .catch(() => {});
    const after = channel.view.state;
    expect(after).not.toBe(before);
    expect(after?.lead).toBe(before?.lead);
    expect(after?.columns[0]?.cards[1]).toBe(before?.columns[0]?.cards[1]);
    expect(channel.instance('Card', '2')).toBe(before?.columns[0]?.cards[1]);
    expect(channel.instance('Card', '1')).toMatchObject({ title: 'Dig!' });
    expect(channel.instance('Card', '9')).toBeNull();
  });
});
