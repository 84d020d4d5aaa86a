/** Text that becomes a field when it is clicked: Enter or leaving saves, Escape takes back. */

import { useEffect, useRef, useState } from 'react';

interface Props {
  readonly value: string;
  readonly label: string;
  readonly onSave: (value: string) => void;
  readonly className?: string;
  readonly placeholder?: string;
  /** Several lines; then Ctrl-Enter saves, and Enter is a line. */
  readonly multiline?: boolean;
  readonly required?: boolean;
  readonly disabled?: boolean;
}

export function Editable(props: Props) {
  const { value, label, onSave, className = '', placeholder = '', multiline, required } = props;
  const [draft, setDraft] = useState<string | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const isEditing = draft !== null;

  useEffect(() => {
    if (!isEditing) return;
    field.current?.focus();
    field.current?.select();
  }, [isEditing]);

  const finish = (isKept: boolean): void => {
    const text = draft?.trim() ?? '';
    if (isKept && draft !== null && text !== value && (text || !required)) onSave(text);
    setDraft(null);
  };

  if (!isEditing) {
    return (
      <button
        type="button"
        className={`editable ${className}`}
        aria-label={`${label}: ${value || placeholder}`}
        disabled={props.disabled}
        onClick={() => setDraft(value)}
      >
        {value || <span className="placeholder">{placeholder}</span>}
      </button>
    );
  }
  return (
    <textarea
      ref={field}
      className={`editable is-editing ${className}`}
      aria-label={label}
      rows={multiline ? 3 : 1}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => finish(true)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Escape') finish(false);
        if (event.key === 'Enter' && (!multiline || event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          finish(true);
        }
      }}
    />
  );
}
