/** One task on the board. */

import type { KeyboardEventHandler, PointerEventHandler } from 'react';
import { Avatar, nameOf } from '../parts/Avatar';
import { Icon } from '../parts/Icon';
import { LabelChip } from '../parts/LabelChip';
import { shortDate } from '../parts/times';
import type { Task } from '../types';

interface Props {
  readonly task: Task;
  readonly isOpen?: boolean;
  /** Being dragged: what is left here is its shadow. */
  readonly isAway?: boolean;
  readonly onOpen?: () => void;
  readonly onDelete?: () => void;
  readonly onKeyDown?: KeyboardEventHandler<HTMLElement>;
  readonly onPointerDown?: PointerEventHandler<HTMLElement>;
}

export function Card({ task, isOpen, isAway, onOpen, onDelete, onKeyDown, onPointerDown }: Props) {
  const { title, labels, checklist, comments, notes, assignee, due, priority } = task;
  const ticked = checklist.filter(({ done }) => done).length;
  const isNew = task.id.startsWith('new-');
  const classes = ['card', isOpen && 'is-open', isAway && 'is-away', isNew && 'is-new'];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button must not hold other buttons
    <div
      className={classes.filter(Boolean).join(' ')}
      data-card={task.id}
      role="button"
      tabIndex={0}
      aria-label={title}
      onClick={onOpen}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
    >
      {labels.length > 0 && (
        <div className="labels">
          {labels.map((label) => (
            <LabelChip key={label.id} label={label} />
          ))}
        </div>
      )}
      <div className="card-title">{title}</div>
      <div className="card-foot">
        {(priority === 'HIGH' || priority === 'URGENT') && (
          <span className={`priority priority-${priority.toLowerCase()}`}>
            {priority === 'URGENT' ? 'Urgent' : 'High'}
          </span>
        )}
        {due && (
          <span className={isLate(task) ? 'fact is-late' : 'fact'}>
            <Icon name="calendar" size={13} /> {shortDate(due)}
          </span>
        )}
        {checklist.length > 0 && (
          <span className={ticked === checklist.length ? 'fact is-complete' : 'fact'}>
            <Icon name="check" size={13} /> {ticked}/{checklist.length}
          </span>
        )}
        {comments.length > 0 && (
          <span className="fact" title={`${comments.length} comments`}>
            <Icon name="comment" size={13} /> {comments.length}
          </span>
        )}
        {notes.length > 0 && (
          <span className="fact" title="You have a private note">
            <Icon name="lock" size={13} />
          </span>
        )}
        <span className="spacer" />
        {assignee && <Avatar id={assignee.id} name={nameOf(assignee)} size={20} />}
      </div>
      {onDelete && (
        <button
          type="button"
          className="quiet card-delete"
          aria-label={`Delete ${title}`}
          title="Delete"
          onClick={(event) => {
            event.stopPropagation();
            onDelete();
          }}
        >
          <Icon name="trash" size={14} />
        </button>
      )}
    </div>
  );
}

function isLate({ due, status }: Task): boolean {
  return due !== null && status !== 'DONE' && due < new Date().toISOString().slice(0, 10);
}
