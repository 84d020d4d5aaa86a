/** The steps of a task. */

import { useMe } from '../board/Me';
import { AddField } from '../parts/AddField';
import { Editable } from '../parts/Editable';
import { Icon } from '../parts/Icon';
import { useToasts } from '../parts/Toasts';
import type { Task } from '../types';

export function Checklist({ task }: { readonly task: Task }) {
  const { canEdit } = useMe();
  const { attempt } = useToasts();
  const { checklist } = task;
  const next = Math.max(0, ...checklist.map(({ position }) => position)) + 1;
  return (
    <section className="part" aria-label="Checklist">
      <h4>Checklist</h4>
      <ul className="steps">
        {checklist.map((step) => (
          <li key={step.id} className={step.done ? 'step is-done' : 'step'}>
            <input
              type="checkbox"
              checked={step.done}
              aria-label={step.text}
              disabled={!canEdit}
              onChange={(event) => attempt(step.save({ done: event.target.checked }))}
            />
            <Editable
              label="Step"
              value={step.text}
              required
              disabled={!canEdit}
              onSave={(text) => attempt(step.save({ text }))}
            />
            {canEdit && (
              <button
                type="button"
                className="quiet"
                aria-label={`Delete ${step.text}`}
                onClick={() => attempt(step.delete())}
              >
                <Icon name="close" size={13} />
              </button>
            )}
          </li>
        ))}
      </ul>
      {canEdit && (
        <AddField
          label="Add a step"
          placeholder="One small step"
          onAdd={(text) => attempt(checklist.create({ text, position: next }))}
        />
      )}
    </section>
  );
}
