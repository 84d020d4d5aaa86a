/** The conversation about a task, oldest first. */

import { useState } from 'react';
import { useMe } from '../board/Me';
import { Avatar, nameOf } from '../parts/Avatar';
import { Icon } from '../parts/Icon';
import { useToasts } from '../parts/Toasts';
import { ago } from '../parts/times';
import type { Task } from '../types';

export function Comments({ task }: { readonly task: Task }) {
  const { person, canEdit } = useMe();
  const { attempt } = useToasts();
  const [body, setBody] = useState('');
  const send = (): void => {
    if (!body.trim()) return;
    const author = { __typename: 'User', id: person.id };
    attempt(task.comments.create({ body: body.trim() }, { show: { author } }));
    setBody('');
  };
  return (
    <section className="part" aria-label="Comments">
      <h4>Comments</h4>
      {task.comments.length === 0 && <p className="empty">Nobody has said anything yet.</p>}
      <ul className="comments">
        {task.comments.map((comment) => (
          <li key={comment.id} className="comment">
            <Avatar id={comment.author.id} name={nameOf(comment.author)} size={24} />
            <div className="comment-body">
              <div className="comment-head">
                <strong>{nameOf(comment.author)}</strong>
                <time dateTime={comment.createdAt}>{ago(comment.createdAt)}</time>
                {(canEdit || comment.author.id === person.id) && (
                  <button
                    type="button"
                    className="quiet"
                    aria-label="Delete comment"
                    onClick={() => attempt(comment.delete())}
                  >
                    <Icon name="close" size={13} />
                  </button>
                )}
              </div>
              <p>{comment.body}</p>
            </div>
          </li>
        ))}
      </ul>
      <form
        className="say"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <input
          aria-label="Write a comment"
          placeholder="Write a comment"
          value={body}
          onChange={(event) => setBody(event.target.value)}
        />
        <button type="submit" disabled={!body.trim()}>
          Send
        </button>
      </form>
    </section>
  );
}
