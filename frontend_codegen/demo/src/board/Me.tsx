/** Who looks at a pane, and what that person may do there. */

import { createContext, useContext } from 'react';
import type { Person } from '../session';
import type { Board } from '../types';

export interface Me {
  readonly person: Person;
  /** Whether the person may change the board itself; comments and notes are everybody's. */
  readonly canEdit: boolean;
}

const Looking = createContext<Me | null>(null);

export const MeProvider = Looking.Provider;

/** Return who looks. */
export function useMe(): Me {
  const me = useContext(Looking);
  if (!me) throw new Error('useMe is for components below MeProvider');
  return me;
}

/** Return whether *person* may change *board*, as its memberships say. */
export function mayEdit(board: Board, person: Person): boolean {
  if (board.owner.id === person.id) return true;
  return board.memberships.some(({ user, role }) => user.id === person.id && role !== 'VIEWER');
}
