/** A reducer over the results of a generated subscription, for clients without a normalised cache. */
import { applyEvent, type ChannelState, emptyState } from './applyEvent.js';
import type { ChannelDescriptor, ChannelTypes } from './descriptor.js';
import type { ChannelEvent } from './event.js';

/**
 * Return the reducer of a channel: `(state, data) => state`, as urql's `useSubscription` takes it.
 *
 * *data* is the result of the subscription: `{ project: event }`.
 */
export function foldOf<T extends ChannelTypes>(descriptor: ChannelDescriptor<T>) {
  return (state: ChannelState<T> | null | undefined, data: object): ChannelState<T> =>
    applyEvent(
      state ?? emptyState(descriptor),
      (data as Record<string, unknown>)[descriptor.field] as ChannelEvent,
    );
}
