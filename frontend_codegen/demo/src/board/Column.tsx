/** One column: its cards, a line where a dragged card would go, and a place to add. */

import { Fragment, type ReactNode } from 'react';
import { AddField } from '../parts/AddField';
import type { ColumnText } from './columns';

interface Props {
  readonly text: ColumnText;
  readonly count: number;
  readonly cards: readonly { readonly id: string; readonly element: ReactNode }[];
  /** Between which of the other cards the dragged one would go. */
  readonly dropIndex: number | null;
  /** The dragged card, which does not count. */
  readonly skip: string | null;
  readonly onAdd: ((title: string) => void) | null;
}

export function Column({ text, count, cards, dropIndex, skip, onAdd }: Props) {
  let place = 0;
  return (
    <section className={`column column-${text.status.toLowerCase()}`} aria-label={text.title}>
      <h3>
        <span className="dot" aria-hidden="true" />
        {text.title}
        <span className="count">{count}</span>
      </h3>
      <div className={dropIndex === null ? 'cards' : 'cards is-over'} data-column={text.status}>
        {cards.map(({ id, element }) => {
          const line = id !== skip && place === dropIndex && <div className="drop-line" />;
          if (id !== skip) place += 1;
          return (
            <Fragment key={id}>
              {line}
              {element}
            </Fragment>
          );
        })}
        {dropIndex !== null && dropIndex >= place && <div className="drop-line" />}
        {cards.length === 0 && dropIndex === null && <p className="empty">{text.empty}</p>}
        {onAdd && <AddField label="Add a task" placeholder="What will be true?" onAdd={onAdd} />}
      </div>
    </section>
  );
}
