import { expect, test } from 'vitest';
import { choose, subscriptionName } from '../src/operations';

const TEXT = `
query Board($id: Int!) { board(id: $id) { ...Fields } }
subscription Live($id: Int!) { board(id: $id) { kind } }
mutation Save($id: Int!, $data: String!) { save(id: $id, data: $data) }
fragment Fields on Board { name }
`;

test('the operation that runs is sent alone, with its fragments and its variables', () => {
  const { kind, operation } = choose(TEXT, 'Board', { id: 1, data: 'x' });
  expect(kind).toBe('query');
  expect(operation.operationName).toBe('Board');
  expect(operation.variables).toEqual({ id: 1 });
  expect(operation.query).toContain('fragment Fields');
  expect(operation.query).not.toContain('mutation');
});

test('without a name it is the first one', () => {
  expect(choose(TEXT, null, undefined)).toMatchObject({
    kind: 'query',
    operation: { operationName: 'Board' },
  });
});

test('text that cannot be parsed is sent as it is, for the server to say what is wrong', () => {
  expect(choose('query {', 'A', { id: 1 })).toEqual({
    kind: 'query',
    operation: { query: 'query {', variables: { id: 1 } },
  });
});

test('what is watched is the chosen subscription, else the first', () => {
  const two = `${TEXT} subscription Other { other }`;
  expect(subscriptionName(two, 'Other')).toBe('Other');
  expect(subscriptionName(two, 'Save')).toBe('Live');
  expect(subscriptionName('{ a }', null)).toBeUndefined();
  expect(subscriptionName('{', null)).toBeUndefined();
});
