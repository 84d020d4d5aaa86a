import { expect, test } from 'vitest';
import { placeOf, STEP } from '../src/board/places';
import type { TaskStatus } from '../src/types';

const task = (id: string, status: TaskStatus, position: number) => ({ id, status, position });
const BOARD = [
  task('a', 'DONE', 10),
  task('b', 'TODO', 20),
  task('c', 'DONE', 21),
  task('d', 'TODO', 40),
];

test('between two cards of a column it is placed right behind the first, wherever that is', () => {
  expect(placeOf(BOARD, 'a', 'TODO', 1)).toEqual({ at: 1, position: null }); // 20 | 21
  expect(placeOf(BOARD, null, 'DONE', 1)).toEqual({ at: 1, position: 15 });
});

test('above the first card of a column it comes right before that one', () => {
  expect(placeOf(BOARD, null, 'DONE', 0)).toEqual({ at: 0, position: 4 });
  expect(placeOf(BOARD, null, 'TODO', 0)).toEqual({ at: 1, position: 15 });
});

test('in an empty column, and below the last task, it goes to the end', () => {
  expect(placeOf(BOARD, null, 'REVIEW', 0)).toEqual({ at: 4, position: 40 + STEP });
  expect(placeOf(BOARD, null, 'TODO', 2)).toEqual({ at: 4, position: 40 + STEP });
  expect(placeOf([], null, 'TODO', 0)).toEqual({ at: 0, position: STEP });
});

test('a task does not stand in its own way', () => {
  expect(placeOf(BOARD, 'd', 'TODO', 1)).toEqual({ at: 2, position: null });
  expect(placeOf(BOARD, 'c', 'TODO', 1)).toEqual({ at: 2, position: 30 });
});

test('before position 0 there is no room', () => {
  expect(placeOf([task('a', 'TODO', 0)], null, 'TODO', 0)).toEqual({ at: 0, position: null });
  expect(placeOf([task('a', 'TODO', 1)], null, 'TODO', 0)).toEqual({ at: 0, position: 0 });
});
