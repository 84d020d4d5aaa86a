/** The socket of the components below, for `useChannel` without Apollo Client or urql. */
import { createContext, type ReactNode, useContext } from 'react';
import type { WatchedSocket } from '../core/index.js';

const SocketContext = createContext<WatchedSocket | null>(null);

export function SocketProvider(props: {
  readonly socket: WatchedSocket;
  readonly children?: ReactNode;
}) {
  return <SocketContext.Provider value={props.socket}>{props.children}</SocketContext.Provider>;
}

/** Return the socket that a {@link SocketProvider} above gives, or null. */
export function useSocket(): WatchedSocket | null {
  return useContext(SocketContext);
}
