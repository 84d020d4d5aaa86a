import { expect, it } from 'vitest';
import { backoffMs } from '../../src/core/index.js';

it('doubles, half of it by chance, up to a limit', () => {
  const least = { random: () => 0 };
  const most = { random: () => 1 };
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, least))).toEqual([250, 500, 1000, 2000]);
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, most))).toEqual([500, 1000, 2000, 4000]);
  expect(backoffMs(1_000_000, most)).toBe(30_000);
  expect(backoffMs(5, { ...most, initialDelayMs: 10, maxDelayMs: 100 })).toBe(100);
});
