/** What the viewer alone sees: the server sends a note to its owner and to nobody else. */

import { AddField } from '../parts/AddField';
import { Editable } from '../parts/Editable';
import { Icon } from '../parts/Icon';
import { useToasts } from '../parts/Toasts';
import type { Task } from '../types';

export function Notes({ task }: { readonly task: Task }) {
  const { attempt } = useToasts();
  return (
    <section className="part" aria-label="Private notes">
      <h4>
        <Icon name="lock" size={13} /> Only you
      </h4>
      {task.notes.map((note) => (
        <div key={note.id} className={note.done ? 'note is-done' : 'note'}>
          <input
            type="checkbox"
            checked={note.done}
            aria-label={`Done: ${note.body}`}
            onChange={(event) => attempt(note.save({ done: event.target.checked }))}
          />
          <Editable
            label="Private note"
            value={note.body}
            multiline
            required
            onSave={(body) => attempt(note.save({ body }))}
          />
          <button
            type="button"
            className="quiet"
            aria-label="Delete note"
            onClick={() => attempt(note.delete())}
          >
            <Icon name="close" size={13} />
          </button>
        </div>
      ))}
      <AddField
        label="Add a private note"
        placeholder="Nobody else will see it"
        onAdd={(body) => attempt(task.notes.create({ body }))}
      />
    </section>
  );
}
