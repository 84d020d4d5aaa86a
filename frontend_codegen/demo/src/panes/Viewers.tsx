/** Who else looks at the board; a press waves at them. */

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
  const names = connected ? (runtime?.viewers ?? []) : [];
  const others = names.filter((username) => username !== me.username);
  return (
    <ul className="viewers" aria-label="Also here">
      {others.map((username) => {
        const person = people.find((one) => one.username === username);
        const { id, name } = person ?? { id: '0', name: username };
        return (
          <li key={username}>
            <button
              type="button"
              aria-label={`Wave at ${name}`}
              onClick={() => attempt(actions.wave({ to: username }))}
            >
              <Avatar id={id} name={name} size={26} title={`${name} is here, too. Wave?`} />
            </button>
          </li>
        );
      })}
    </ul>
  );
}
