/** What a pane's stream brought in the last minute, and how late it was. */

import type { BoardEvent } from '../types';

export const WINDOW_MS = 60_000;

/** One event as the graph shows it. */
export interface Beat {
  readonly at: number;
  readonly kind: string;
  /** Milliseconds from the save on the server to this screen; null: the event does not say. */
  readonly lagMs: number | null;
}

/** The beats of the last minute, and how many there were altogether. */
export interface Records {
  readonly beats: readonly Beat[];
  readonly total: number;
}

export const NO_RECORDS: Records = { beats: [], total: 0 };

/** Return *records* with *event*, which arrived at *now*. */
export function withEvent(records: Records, event: BoardEvent, now: number): Records {
  const beat: Beat = {
    at: now,
    kind: event.kind,
    lagMs: event.kind === 'DELTA' ? lagOf(event, now) : null,
  };
  const beats = records.beats.filter(({ at }) => now - at < WINDOW_MS);
  return { beats: [...beats, beat], total: records.total + 1 };
}

/** Rows say when they were saved: the newest of them tells how long the event was on its way. */
function lagOf(event: BoardEvent, now: number): number | null {
  const rows = Object.values(event.changed ?? {}).flat() as Readonly<Record<string, unknown>>[];
  const times = rows
    .flatMap((row) => [row.updatedAt, row.createdAt])
    .filter((time): time is string => typeof time === 'string')
    .map((time) => new Date(time).getTime());
  const newest = Math.max(...times);
  const lag = now - newest;
  return Number.isFinite(newest) && lag < 10_000 ? Math.max(0, lag) : null;
}

/** Return the middle one of *values*, or null where there is none. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
