/** A quiet button that becomes a field; Enter adds and stays open for the next. */

import { type RefObject, useState } from 'react';
import { Icon } from './Icon';

interface Props {
  readonly label: string;
  readonly placeholder: string;
  readonly onAdd: (text: string) => void;
  readonly buttonRef?: RefObject<HTMLButtonElement | null>;
  readonly disabled?: boolean;
}

export function AddField({ label, placeholder, onAdd, buttonRef, disabled }: Props) {
  const [text, setText] = useState<string | null>(null);
  if (text === null) {
    return (
      <button
        type="button"
        className="add"
        ref={buttonRef}
        disabled={disabled}
        onClick={() => setText('')}
      >
        <Icon name="plus" size={14} /> {label}
      </button>
    );
  }
  const add = (): void => {
    if (text.trim()) onAdd(text.trim());
    setText('');
  };
  return (
    <input
      className="add-field"
      // biome-ignore lint/a11y/noAutofocus: somebody has just asked for this field
      autoFocus
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => {
        if (text.trim()) onAdd(text.trim());
        setText(null);
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter') add();
        if (event.key === 'Escape') setText(null);
      }}
    />
  );
}
