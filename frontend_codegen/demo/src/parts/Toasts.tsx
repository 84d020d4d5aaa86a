/** Short messages at the foot of a pane, which go away by themselves. */

import { RefusedError } from '@rxgraph/client';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import { Icon } from './Icon';

const SHOWN_MS = 6000;

type Tone = 'info' | 'refused';

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
}

interface Teller {
  readonly tell: (text: string, tone?: Tone) => void;
  /** Wait for a write, and tell why when the server refuses it. */
  readonly attempt: (write: Promise<unknown>) => void;
}

const Telling = createContext<Teller>({ tell: () => {}, attempt: () => {} });

/** How components tell the pane's people something. */
export function useToasts(): Teller {
  return useContext(Telling);
}

let count = 0;

export function Toasts({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const drop = useCallback(
    (id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)),
    [],
  );
  const teller = useMemo<Teller>(() => {
    const tell = (text: string, tone: Tone = 'info'): void => {
      count += 1;
      const id = count;
      setToasts((all) => [...all.slice(-2), { id, tone, text }]);
      setTimeout(() => drop(id), SHOWN_MS);
    };
    return {
      tell,
      attempt: (write) => {
        write.catch((error: unknown) => tell(reasonOf(error), 'refused'));
      },
    };
  }, [drop]);
  return (
    <Telling value={teller}>
      {children}
      <div className="toasts" role="status">
        {toasts.map(({ id, tone, text }) => (
          <div key={id} className={`toast toast-${tone}`}>
            <Icon name={tone === 'refused' ? 'warning' : 'bell'} />
            <span>{text}</span>
            <button type="button" className="quiet" aria-label="Dismiss" onClick={() => drop(id)}>
              <Icon name="close" size={14} />
            </button>
          </div>
        ))}
      </div>
    </Telling>
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof RefusedError) {
    const said = error.messages.map(({ field, message }) =>
      field ? `${field}: ${message}` : message,
    );
    return `Taken back. ${said.join(' ')}`;
  }
  return error instanceof Error ? error.message : String(error);
}
