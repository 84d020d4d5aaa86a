import { expect, test } from 'vitest';
import { toResult } from '../src/errors';
import { meantHeaders, TEMPLATE } from '../src/headers';
import { describeEvent } from '../src/live/describeEvent';

const event = (fields: object) => ({ data: { board: fields } });

test('an event is told by its kind and what it holds', () => {
  const changed = { tasks: [{}, {}], users: [], notes: [{}] };
  expect(describeEvent(event({ kind: 'DELTA', changed, removed: [{}] }))).toEqual({
    label: 'DELTA',
    text: 'tasks 2, notes 1, removed 1',
  });
  expect(describeEvent(event({ kind: 'RESET', resetReason: 'OVERFLOW' })).text).toBe('OVERFLOW');
  expect(describeEvent(event({ kind: 'MESSAGE', notifications: [{ data: 'hi' }] })).text).toBe(
    '["hi"]',
  );
  expect(describeEvent(event({ kind: 'DELTA', channel: { state: null } })).text).toContain('empty');
});

test('errors and other data are told too', () => {
  expect(describeEvent({ errors: [{ message: 'No.' }] })).toEqual({ label: 'ERROR', text: 'No.' });
  expect(describeEvent({ data: { time: 1 } })).toEqual({ label: 'DATA', text: '' });
});

test('the template of the headers means nothing, a token does', () => {
  expect(meantHeaders(JSON.parse(TEMPLATE))).toEqual({});
  expect(meantHeaders({ Authorization: 'Token abc', 'X-Empty': ' ', count: 1 })).toEqual({
    Authorization: 'Token abc',
  });
  expect(meantHeaders(undefined)).toEqual({});
});

test('a closed socket says what to do', () => {
  const said = toResult({ code: 4401, reason: '' }).errors[0] as { message: string };
  expect(said.message).toContain('headers editor');
  expect(toResult([{ message: 'a' }])).toEqual({ errors: [{ message: 'a' }] });
  expect(toResult(new Error('Broken'))).toEqual({ errors: [{ message: 'Broken' }] });
});
