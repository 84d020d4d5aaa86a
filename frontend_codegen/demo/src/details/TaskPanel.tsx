/** Everything about one task, over the right part of its board. */

import { type ReactNode, useEffect, useRef, useState } from 'react';
import { COLUMNS } from '../board/columns';
import { useMe } from '../board/Me';
import { Editable } from '../parts/Editable';
import { Icon } from '../parts/Icon';
import { LabelChip } from '../parts/LabelChip';
import { useToasts } from '../parts/Toasts';
import type { Label, Task } from '../types';
import { Checklist } from './Checklist';
import { Comments } from './Comments';
import { Notes } from './Notes';

const PRIORITIES = [
  ['LOW', 'Low'],
  ['NORMAL', 'Normal'],
  ['HIGH', 'High'],
  ['URGENT', 'Urgent'],
] as const;

interface Props {
  readonly task: Task;
  readonly people: readonly { readonly id: string; readonly name: string }[];
  readonly labels: readonly Label[];
  readonly onClose: () => void;
}

export function TaskPanel({ task, people, labels, onClose }: Props) {
  const { canEdit } = useMe();
  const { attempt } = useToasts();
  const panel = useRef<HTMLElement>(null);
  const [isSure, setSure] = useState(false);
  useEffect(() => panel.current?.focus(), []);
  const has = new Set(task.labels.map(({ id }) => id));

  const toggleLabel = (id: string): void => {
    const ids = has.has(id) ? [...has].filter((one) => one !== id) : [...has, id];
    attempt(task.save({ labelIds: ids }));
  };

  return (
    <aside
      className="panel"
      aria-label={task.title}
      tabIndex={-1}
      ref={panel}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <header className="panel-head">
        <Editable
          className="panel-title"
          label="Title"
          value={task.title}
          required
          disabled={!canEdit}
          onSave={(title) => attempt(task.save({ title }))}
        />
        <button type="button" className="quiet" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div className="panel-body">
        <div className="fields">
          <Field label="Status">
            <select
              value={task.status}
              disabled={!canEdit}
              onChange={(event) =>
                attempt(task.save({ status: event.target.value as Task['status'] }))
              }
            >
              {COLUMNS.map(({ status, title }) => (
                <option key={status} value={status}>
                  {title}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Assignee">
            <select
              value={task.assignee?.id ?? ''}
              disabled={!canEdit}
              onChange={(event) => attempt(task.save({ assigneeId: event.target.value || null }))}
            >
              <option value="">Nobody yet</option>
              {people.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Priority">
            <select
              value={task.priority}
              disabled={!canEdit}
              onChange={(event) =>
                attempt(task.save({ priority: event.target.value as Task['priority'] }))
              }
            >
              {PRIORITIES.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Due">
            <input
              type="date"
              value={task.due ?? ''}
              disabled={!canEdit}
              onChange={(event) => attempt(task.save({ due: event.target.value || null }))}
            />
          </Field>
        </div>
        <div className="label-choice">
          {labels.map((label) => (
            <button
              key={label.id}
              type="button"
              className={has.has(label.id) ? 'label-toggle is-on' : 'label-toggle'}
              aria-pressed={has.has(label.id)}
              disabled={!canEdit}
              onClick={() => toggleLabel(label.id)}
            >
              <LabelChip label={label} />
            </button>
          ))}
        </div>
        <Editable
          className="description"
          label="Description"
          placeholder={canEdit ? 'Describe it' : 'No description'}
          value={task.description}
          multiline
          disabled={!canEdit}
          onSave={(description) => attempt(task.save({ description }))}
        />
        <Checklist task={task} />
        <Comments task={task} />
        <Notes task={task} />
        {canEdit && (
          <button
            type="button"
            className={isSure ? 'danger is-sure' : 'danger'}
            onBlur={() => setSure(false)}
            onClick={() => {
              if (!isSure) {
                setSure(true);
                return;
              }
              attempt(task.delete());
              onClose();
            }}
          >
            <Icon name="trash" size={14} /> {isSure ? 'Yes, delete it' : 'Delete task'}
          </button>
        )}
      </div>
    </aside>
  );
}

function Field({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is its child
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  );
}
