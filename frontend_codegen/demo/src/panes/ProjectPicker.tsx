/** The projects of whoever looks, live, with a search that the server does. */

import { useEffect, useRef, useState } from 'react';
import { Avatar, nameOf } from '../parts/Avatar';
import { Icon } from '../parts/Icon';
import { useToasts } from '../parts/Toasts';
import { shortDate } from '../parts/times';
import type { ProjectListView } from '../types';

interface Props {
  readonly list: ProjectListView;
  readonly chosen: number;
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
  readonly onChoose: (id: string) => void;
}

export function ProjectPicker({ list, chosen, isOpen, onOpen, onChoose }: Props) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const close = (event: PointerEvent): void => {
      if (!root.current?.contains(event.target as Node)) onOpen(false);
    };
    addEventListener('pointerdown', close);
    return () => removeEventListener('pointerdown', close);
  }, [isOpen, onOpen]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes what is inside
    <div
      className="picker"
      ref={root}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onOpen(false);
      }}
    >
      <button
        type="button"
        className="quiet"
        aria-label="Projects"
        aria-expanded={isOpen}
        title="Projects"
        onClick={() => onOpen(!isOpen)}
      >
        <Icon name="list" />
      </button>
      {isOpen && (
        <div className="menu">
          <Search list={list} />
          <ul>
            {list.state?.map(({ id, name, status, due, owner }) => (
              <li key={id}>
                <button
                  type="button"
                  className="menu-item"
                  aria-current={Number(id) === chosen}
                  onClick={() => {
                    onChoose(id);
                    onOpen(false);
                  }}
                >
                  <span className="menu-name">{name}</span>
                  <span className="menu-fact">
                    {status.toLowerCase()}
                    {due && ` · ${shortDate(due)}`}
                  </span>
                  <Avatar id={owner.id} name={nameOf(owner)} size={20} />
                </button>
              </li>
            ))}
          </ul>
          {list.empty && <p className="empty">No project has such a name.</p>}
        </div>
      )}
    </div>
  );
}

function Search({ list }: { readonly list: ProjectListView }) {
  const { attempt } = useToasts();
  const [text, setText] = useState('');
  return (
    <input
      // biome-ignore lint/a11y/noAutofocus: somebody has just opened the menu
      autoFocus
      type="search"
      aria-label="Search projects"
      placeholder="Search projects"
      value={text}
      disabled={!list.connected}
      onChange={(event) => {
        setText(event.target.value);
        attempt(list.actions.search({ text: event.target.value }));
      }}
    />
  );
}
