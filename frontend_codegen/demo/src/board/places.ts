/** Where a task goes: from a column and a place in it to a position between two neighbours. */

import type { Task, TaskStatus } from '../types';

/** Positions are this far apart where there is room; the demo's data begin so. */
export const STEP = 1024;

type Placed = Pick<Task, 'id' | 'status' | 'position'>;

/** Where a task goes. */
export interface Place {
  /** Its place in the whole list of tasks. */
  readonly at: number;
  /** What to save; null: there is no room between its neighbours. */
  readonly position: number | null;
}

/** Return the place of *task* when it stands at *index* of the column *status*. */
export function placeOf(
  tasks: readonly Placed[],
  id: string | null,
  status: TaskStatus,
  index: number,
): Place {
  const others = tasks.filter((other) => other.id !== id);
  const column = others.filter((other) => other.status === status);
  const before = column[index - 1];
  const after = column[index];
  const at = before ? others.indexOf(before) + 1 : after ? others.indexOf(after) : others.length;
  return { at, position: between(others[at - 1]?.position, others[at]?.position) };
}

function between(low: number | undefined, high: number | undefined): number | null {
  if (high === undefined) return (low ?? 0) + STEP;
  const floor = low ?? -1;
  return high - floor > 1 ? Math.floor((floor + high) / 2) : null;
}
