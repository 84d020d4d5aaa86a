/** The columns of the board, in their order. */

import type { TaskStatus } from '../types';

export interface ColumnText {
  readonly status: TaskStatus;
  readonly title: string;
  /** What an empty column says. */
  readonly empty: string;
}

export const COLUMNS: readonly ColumnText[] = [
  { status: 'TODO', title: 'To do', empty: 'Nothing waits' },
  { status: 'IN_PROGRESS', title: 'In progress', empty: 'Nobody is at it' },
  { status: 'REVIEW', title: 'Review', empty: 'Nothing to look at' },
  { status: 'DONE', title: 'Done', empty: 'Not yet' },
];
