import { expect, test } from 'vitest';
import { median, NO_RECORDS, WINDOW_MS, withEvent } from '../src/meter/records';
import type { BoardEvent } from '../src/types';

const AT = Date.parse('2026-06-01T12:00:00Z');
const saved = (updatedAt: string) =>
  ({ kind: 'DELTA', changed: { tasks: [{ updatedAt }] } }) as unknown as BoardEvent;

test('the lag of a delta is counted from the newest save it tells of', () => {
  const { beats } = withEvent(NO_RECORDS, saved('2026-06-01T11:59:59.960Z'), AT);
  expect(beats).toEqual([{ at: AT, kind: 'DELTA', lagMs: 40 }]);
});

test('a clock that goes ahead gives no negative lag, and old rows give none at all', () => {
  expect(withEvent(NO_RECORDS, saved('2026-06-01T12:00:01Z'), AT).beats[0]?.lagMs).toBe(0);
  expect(withEvent(NO_RECORDS, saved('2026-05-01T12:00:00Z'), AT).beats[0]?.lagMs).toBeNull();
  const snapshot = { ...saved('2026-06-01T12:00:00Z'), kind: 'SNAPSHOT' } as BoardEvent;
  expect(withEvent(NO_RECORDS, snapshot, AT).beats[0]?.lagMs).toBeNull();
});

test('what is older than a minute is only counted', () => {
  const first = withEvent(NO_RECORDS, saved('2026-06-01T12:00:00Z'), AT);
  const later = withEvent(first, saved('2026-06-01T12:01:00Z'), AT + WINDOW_MS);
  expect(later.beats).toHaveLength(1);
  expect(later.total).toBe(2);
});

test('median', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNull();
});
