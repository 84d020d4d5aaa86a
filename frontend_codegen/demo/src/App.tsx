/** The page: one project, two people, two clients. */

import { useMemo, useState } from 'react';
import { ApolloPane } from './panes/ApolloPane';
import { UrqlPane } from './panes/UrqlPane';
import { type Mode, type Person, type Session, setServerMode } from './session';
import { TopBar } from './TopBar';
import { useChoices } from './useChoices';

export function App({ session }: { readonly session: Session }) {
  const defaults = useMemo(() => defaultsOf(session), [session]);
  const [choices, choose] = useChoices(defaults);
  const [mode, setMode] = useState<Mode>(session.mode);
  const left = personOf(session, choices.left);
  const right = personOf(session, choices.right);
  if (!left || !right || !choices.project) {
    return (
      <div className="nothing">
        <h2>Nobody is here yet</h2>
        <p>
          Fill the board: <code>manage.py demo_data</code>
        </p>
      </div>
    );
  }
  const projectId = Number(choices.project);
  const onMode = (next: Mode): void => {
    setMode(next);
    setServerMode(next).catch(() => setMode(mode));
  };
  return (
    <>
      <TopBar mode={mode} onMode={onMode} />
      <main className="panes">
        <ApolloPane
          key={`left ${left.id} ${projectId}`}
          session={session}
          person={left}
          projectId={projectId}
          onPerson={(username) => choose({ left: username })}
          onProject={(project) => choose({ project })}
        />
        <UrqlPane
          key={`right ${right.id} ${projectId}`}
          session={session}
          person={right}
          projectId={projectId}
          onPerson={(username) => choose({ right: username })}
          onProject={(project) => choose({ project })}
        />
      </main>
    </>
  );
}

function personOf({ people }: Session, username: string): Person | undefined {
  return people.find((person) => person.username === username);
}

/** Two people who share the first project. */
function defaultsOf({ people, projects }: Session) {
  const project = projects.find(({ id }) => people[0]?.projects.includes(id))?.id ?? '';
  const members = people.filter((person) => person.projects.includes(project));
  return {
    project,
    left: members[0]?.username ?? '',
    right: (members[1] ?? members[0])?.username ?? '',
  };
}
