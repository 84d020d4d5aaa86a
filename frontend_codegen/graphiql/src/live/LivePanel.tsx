/** The side panel that shows what the watched subscriptions send. */

import { Button, CloseIcon, UnStyledButton } from '@graphiql/react';
import { useState, useSyncExternalStore } from 'react';
import { BroadcastIcon } from './BroadcastIcon';
import {
  getWatches,
  type LiveEvent,
  onWatches,
  removeWatch,
  stopWatch,
  type Watch,
} from './watches';

/** All watches, newest first. */
export function LivePanel() {
  const watches = useSyncExternalStore(onWatches, getWatches);
  return (
    <section aria-label="Live" className="rx-panel">
      <h2 className="rx-title">Live</h2>
      {watches.length === 0 && (
        <p className="rx-hint">
          Press <BroadcastIcon className="rx-inline-icon" /> beside the editor to watch the
          subscription of the open tab here. It goes on while you run queries and mutations.
        </p>
      )}
      {watches.map((watch) => (
        <WatchCard key={watch.id} watch={watch} />
      ))}
    </section>
  );
}

function WatchCard({ watch }: { readonly watch: Watch }) {
  const { id, title, variables, light, events } = watch;
  return (
    <article className="rx-watch" aria-label={title}>
      <header className="rx-watch-head">
        <span className={`rx-light rx-${light}`} role="img" aria-label={light} title={light} />
        <strong>{title}</strong>
        <code className="rx-variables">{variables}</code>
        {light !== 'ended' && (
          <Button type="button" onClick={() => stopWatch(id)}>
            Stop
          </Button>
        )}
        <UnStyledButton type="button" aria-label="Remove" onClick={() => removeWatch(id)}>
          <CloseIcon className="rx-inline-icon" />
        </UnStyledButton>
      </header>
      {events.length === 0 && <p className="rx-hint">Waiting for the first event…</p>}
      <ol className="rx-events">
        {events.map((event) => (
          <EventRow key={event.number} event={event} />
        ))}
      </ol>
    </article>
  );
}

function EventRow({ event }: { readonly event: LiveEvent }) {
  const { at, label, text, bytes, result } = event;
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <details className="rx-event" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          <time dateTime={at.toISOString()}>{at.toLocaleTimeString()}</time>
          <span className={`rx-kind rx-kind-${label.toLowerCase()}`}>{label}</span>
          <span className="rx-text">{text}</span>
          <span className="rx-bytes">{bytes.toLocaleString()} B</span>
        </summary>
        {isOpen && <pre>{JSON.stringify(result, null, 2)}</pre>}
      </details>
    </li>
  );
}
