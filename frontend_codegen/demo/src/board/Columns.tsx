/** The columns with their cards, and all ways to move a card between them. */

import { type KeyboardEvent, useRef } from 'react';
import { useToasts } from '../parts/Toasts';
import type { Board, Task, TaskStatus, WriteMany } from '../types';
import { Card } from './Card';
import { Column } from './Column';
import { COLUMNS } from './columns';
import { useMe } from './Me';
import { placeOf, STEP } from './places';
import { useDrag } from './useDrag';

interface Props {
  readonly board: Board;
  readonly writeMany: WriteMany;
  readonly openId: string | null;
  readonly onOpen: (id: string) => void;
}

export function Columns({ board, writeMany, openId, onOpen }: Props) {
  const { canEdit } = useMe();
  const { attempt } = useToasts();
  const root = useRef<HTMLDivElement>(null);
  const { tasks } = board;

  const move = (task: Task, status: TaskStatus, index: number): void => {
    const { at, position } = placeOf(tasks, task.id, status, index);
    if (task.status === status && tasks[at]?.id === task.id) return; // where it was
    if (position !== null) {
      attempt(task.save({ position, ...(status !== task.status && { status }) }, { at }));
      return;
    }
    // No room between the neighbours: all tasks get new positions, in one transaction.
    const order = tasks.filter(({ id }) => id !== task.id).map(({ id }) => id);
    order.splice(at, 0, task.id);
    attempt(
      writeMany(
        order.map((id, place) => ({
          saveTask: {
            id,
            data: { position: (place + 1) * STEP, ...(id === task.id && { status }) },
          },
        })),
      ),
    );
  };

  const { drag, begin } = useDrag((id, status, index) => {
    const task = tasks.find((one) => one.id === id);
    if (task) move(task, status, index);
  });

  const onKey = (task: Task) => (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onOpen(task.id);
    }
    if (!event.altKey || !canEdit) return;
    const column = COLUMNS.findIndex(({ status }) => status === task.status);
    const place = tasks.filter(({ status }) => status === task.status).indexOf(task);
    const next = COLUMNS[column + (event.key === 'ArrowRight' ? 1 : -1)];
    if (event.key === 'ArrowUp' && place > 0) move(task, task.status, place - 1);
    else if (event.key === 'ArrowDown') move(task, task.status, place + 1);
    else if ((event.key === 'ArrowLeft' || event.key === 'ArrowRight') && next) {
      move(task, next.status, 0);
    } else return;
    event.preventDefault();
    // The card is another element where it is in another column: the focus goes along.
    setTimeout(() => root.current?.querySelector<HTMLElement>(`[data-card="${task.id}"]`)?.focus());
  };

  const add = (status: TaskStatus, title: string): void => {
    const count = tasks.filter((task) => task.status === status).length;
    const { at, position } = placeOf(tasks, null, status, count);
    const last = tasks.at(-1)?.position ?? 0;
    attempt(
      tasks.create(
        { title, status, position: position ?? last + STEP },
        { at: position === null ? tasks.length : at },
      ),
    );
  };

  const dragged = drag && tasks.find(({ id }) => id === drag.id);
  return (
    <div className="columns" data-board ref={root}>
      {COLUMNS.map((text) => (
        <Column
          key={text.status}
          text={text}
          count={tasks.filter(({ status }) => status === text.status).length}
          dropIndex={drag?.over?.status === text.status ? drag.over.index : null}
          skip={drag?.id ?? null}
          onAdd={canEdit ? (title) => add(text.status, title) : null}
          cards={tasks
            .filter(({ status }) => status === text.status)
            .map((task) => ({
              id: task.id,
              element: (
                <Card
                  key={task.id}
                  task={task}
                  isOpen={task.id === openId}
                  isAway={task.id === drag?.id}
                  onOpen={() => onOpen(task.id)}
                  onKeyDown={onKey(task)}
                  {...(canEdit && {
                    onPointerDown: begin(task.id),
                    onDelete: () => attempt(task.delete()),
                  })}
                />
              ),
            }))}
        />
      ))}
      {drag && dragged && (
        <div className="flying" style={{ left: drag.x, top: drag.y, width: drag.width }}>
          <Card task={dragged} />
        </div>
      )}
    </div>
  );
}
