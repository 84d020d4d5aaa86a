/** What a pane is given from outside. */

import type { Person, Session } from '../session';

export interface PaneProps {
  readonly session: Session;
  readonly person: Person;
  readonly projectId: number;
  readonly onPerson: (username: string) => void;
  readonly onProject: (id: string) => void;
}
