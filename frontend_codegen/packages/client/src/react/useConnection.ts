/** What every `useChannel` does once it has a connection: shows its view, calls its callbacks. */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type {
  ChannelActions,
  ChannelListener,
  ChannelOptions,
  ChannelTypes,
  ChannelView,
} from '../core/index.js';
import type { WritableConnection } from '../writes/index.js';

/** Options of `useChannel`. */
export interface UseChannelOptions<T extends ChannelTypes>
  extends ChannelListener,
    ChannelOptions<T> {
  /** Show nothing and connect to nothing. @defaultValue false */
  readonly skip?: boolean;
}

/** What `useChannel` returns. */
export interface UsedChannel<T extends ChannelTypes> extends ChannelView<T, T['writes']> {
  /** The channel's actions, by name. */
  readonly actions: ChannelActions<T>;
  /** The connection itself: for {@link useInstance}, `retry()` and `writer`. */
  readonly channel: WritableConnection<T>;
}

const NEVER = () => () => {};

/** Show the view of *channel*; it runs while the component is mounted. */
export function useConnection<T extends ChannelTypes>(
  channel: WritableConnection<T>,
  options: UseChannelOptions<T>,
): UsedChannel<T> {
  const { skip = false } = options;
  const latest = useRef<ChannelListener>(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    if (skip) return;
    return channel.listen({
      onEvent: (event) => latest.current.onEvent?.(event),
      onNotification: (data) => latest.current.onNotification?.(data),
      onSystemMessage: (message) => latest.current.onSystemMessage?.(message),
      onReset: (reason) => latest.current.onReset?.(reason),
    });
  }, [channel, skip]);
  const view = useSyncExternalStore(
    skip ? NEVER : channel.subscribe,
    () => channel.view,
    () => channel.initialView,
  );
  return useMemo(() => ({ ...view, actions: channel.actions, channel }), [view, channel]);
}
