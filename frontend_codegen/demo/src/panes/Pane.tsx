/** The frame around a board: whose it is, on which client, and how its connection fares. */

import { type ReactNode, useEffect, useSyncExternalStore } from 'react';
import { BoardPage } from '../board/BoardPage';
import { MeProvider, mayEdit } from '../board/Me';
import { Meter } from '../meter/Meter';
import type { Records } from '../meter/records';
import { Avatar } from '../parts/Avatar';
import { Icon } from '../parts/Icon';
import { Toasts, useToasts } from '../parts/Toasts';
import type { Plug } from '../plug/createPlug';
import type { Person } from '../session';
import type { BoardView, ProjectListView, WriteMany } from '../types';
import { Light } from './Light';
import { ProjectPicker } from './ProjectPicker';
import type { PaneProps } from './paneProps';
import { Viewers } from './Viewers';

interface Props extends PaneProps {
  readonly library: 'Apollo Client' | 'urql';
  readonly view: BoardView;
  readonly retry: () => void;
  readonly plug: Plug;
  readonly records: Records;
  /** What the server notified of last. */
  readonly news: unknown;
  /** The projects to choose from; live while somebody is choosing. */
  readonly list: ProjectListView;
  readonly isPicking: boolean;
  readonly onPicking: (isPicking: boolean) => void;
  readonly writeMany: WriteMany;
}

export function Pane(props: Props) {
  const { library, session, person, onPerson, view, plug, records } = props;
  const isIn = useSyncExternalStore(plug.subscribe, plug.isIn);
  return (
    <section
      className={`pane pane-${library === 'urql' ? 'urql' : 'apollo'}`}
      aria-label={`${person.name} on ${library}`}
    >
      <Toasts>
        <header className="pane-head">
          <Avatar id={person.id} name={person.name} size={30} />
          <label className="who">
            <span className="visually-hidden">Signed in as</span>
            <select value={person.username} onChange={(event) => onPerson(event.target.value)}>
              {session.people.map(({ username, name }) => (
                <option key={username} value={username}>
                  {name}
                </option>
              ))}
            </select>
            <span className="library">on {library}</span>
          </label>
          <ProjectPicker
            list={props.list}
            chosen={props.projectId}
            isOpen={props.isPicking}
            onOpen={props.onPicking}
            onChoose={props.onProject}
          />
          <span className="spacer" />
          <Viewers view={view} me={person} people={session.people} />
          <Meter records={records} />
          <Light status={view.status} isPlugged={isIn} lastUpdate={view.lastUpdate} />
          <button
            type="button"
            className={isIn ? 'quiet plug' : 'quiet plug is-out'}
            aria-label={isIn ? 'Pull the plug' : 'Plug in again'}
            title={isIn ? 'Pull the plug: be offline' : 'Plug in again'}
            onClick={isIn ? plug.pull : plug.putIn}
          >
            <Icon name={isIn ? 'plug' : 'unplugged'} />
          </button>
        </header>
        <News news={props.news} people={session.people} />
        {!isIn && (
          <p className="strip">
            Unplugged: this is what was known. Plug in again, and what was missed arrives.
          </p>
        )}
        <Content {...props} />
      </Toasts>
    </section>
  );
}

function Content({ view, person, retry, writeMany }: Props): ReactNode {
  const { state, error, empty } = view;
  if (state) {
    return (
      <MeProvider value={{ person, canEdit: mayEdit(state, person) }}>
        <BoardPage board={state} writeMany={writeMany} />
      </MeProvider>
    );
  }
  if (error?.code === 'FORBIDDEN') {
    return (
      <Nothing title="Not a member">
        {person.name} takes no part in this project, so the server tells nothing of it.
      </Nothing>
    );
  }
  if (empty) return <Nothing title="Gone">This project has been deleted.</Nothing>;
  if (error) {
    return (
      <Nothing title="No answer">
        {error.message}
        <button type="button" onClick={retry}>
          Try again
        </button>
      </Nothing>
    );
  }
  return (
    <div className="skeleton" aria-label="Loading" role="img">
      {[3, 2, 2, 3].map((cards, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the columns of a skeleton have no name
        <div key={column}>
          {Array.from({ length: cards }, (_, card) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nor have its cards
            <span key={card} />
          ))}
        </div>
      ))}
    </div>
  );
}

function Nothing({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="nothing">
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}

/** Shows what the server notifies of. */
function News(props: { readonly news: unknown; readonly people: readonly Person[] }): null {
  const { news, people } = props;
  const { tell } = useToasts();
  useEffect(() => {
    if (news !== null) tell(textOf(news, people));
  }, [news, tell, people]);
  return null;
}

function textOf(news: unknown, people: readonly Person[]): string {
  const { kind, from, title } = news as Readonly<Record<string, unknown>>;
  const name = people.find(({ username }) => username === from)?.name ?? from;
  if (kind === 'wave') return `${name} waves at you`;
  return kind === 'assigned' ? `“${title}” is yours now` : JSON.stringify(news);
}
