/** One board as one person sees it, whichever client brought it here. */

import { useState } from 'react';
import { TaskPanel } from '../details/TaskPanel';
import { nameOf } from '../parts/Avatar';
import { Editable } from '../parts/Editable';
import { useToasts } from '../parts/Toasts';
import type { Board, WriteMany } from '../types';
import { Columns } from './Columns';
import { useMe } from './Me';

interface Props {
  readonly board: Board;
  readonly writeMany: WriteMany;
}

export function BoardPage({ board, writeMany }: Props) {
  const { canEdit } = useMe();
  const { attempt } = useToasts();
  const [openId, setOpenId] = useState<string | null>(null);
  const open = board.tasks.find(({ id }) => id === openId);
  const done = board.tasks.filter(({ status }) => status === 'DONE').length;
  const share = board.tasks.length ? Math.round((100 * done) / board.tasks.length) : 0;
  return (
    <div className="board-page">
      <header className="board-head">
        <div className="board-title">
          <Editable
            className="project-name"
            label="Name of the project"
            value={board.name}
            required
            disabled={!canEdit}
            onSave={(name) => attempt(board.save({ name }))}
          />
          <Editable
            className="project-description"
            label="What the project is for"
            placeholder={canEdit ? 'What is it for?' : ''}
            value={board.description}
            disabled={!canEdit}
            onSave={(description) => attempt(board.save({ description }))}
          />
        </div>
        <div className="progress" title={`${done} of ${board.tasks.length} done`}>
          <span className="progress-text">
            {done}/{board.tasks.length}
          </span>
          <span className="bar">
            <span style={{ width: `${share}%` }} />
          </span>
        </div>
      </header>
      <Columns board={board} writeMany={writeMany} onOpen={setOpenId} openId={openId} />
      {open && (
        <TaskPanel
          key={open.id}
          task={open}
          people={peopleOf(board)}
          labels={labelsOf(board)}
          onClose={() => setOpenId(null)}
        />
      )}
    </div>
  );
}

function peopleOf(board: Board) {
  const all = [board.owner, ...board.memberships.map(({ user }) => user)];
  const byId = new Map(all.map((user) => [user.id, { id: user.id, name: nameOf(user) }]));
  return [...byId.values()];
}

/** Labels belong to no project, so these are the ones that are in use here. */
function labelsOf(board: Board) {
  const all = board.tasks.flatMap(({ labels }) => labels);
  const byId = new Map(all.map((label) => [label.id, label]));
  return [...byId.values()].sort((one, other) => one.name.localeCompare(other.name));
}
