/** Who else looks at the board; a press waves at them. */

import { useEffect } from 'react';
import { Avatar } from '../parts/Avatar';
import { useToasts } from '../parts/Toasts';
import type { Person } from '../session';
import type { BoardView } from '../types';

interface Props {
  readonly view: BoardView;
  readonly me: Person;
  readonly people: readonly Person[];
}

export function Viewers({ view, me, people }: Props) {
  const { attempt } = useToasts();
  const { actions, connected, runtime } = view;
  useEffect(() => {
    // Each live context has to enter anew; one that is lost on the way is entered when it is back.
    if (connected) actions.enter({}).catch(() => {});
  }, [actions, connected]);
  const ids = connected ? (runtime?.viewers ?? []) : [];
  const others = ids.filter((id) => id !== me.id);
  return (
    <ul className="viewers" aria-label="Also here">
      {others.map((id) => {
        const name = people.find((person) => person.id === id)?.name ?? 'Somebody else';
        return (
          <li key={id}>
            <button
              type="button"
              aria-label={`Wave at ${name}`}
              onClick={() => attempt(actions.wave({ userId: id }))}
            >
              <Avatar id={id} name={name} size={26} title={`${name} is here, too. Wave?`} />
            </button>
          </li>
        );
      })}
    </ul>
  );
}
