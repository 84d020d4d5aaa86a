/** A plug in the network cable of one pane: pulled, its sockets break and none can be opened. */

type Listener = () => void;

/** A plug, and the kind of WebSocket that goes through it. */
export interface Plug {
  readonly webSocket: typeof WebSocket;
  isIn(): boolean;
  pull(): void;
  putIn(): void;
  /** Call *listener* when the plug is pulled or put in; the function returned ends that. */
  subscribe(listener: Listener): () => void;
}

/** Return a plug that is in. */
export function createPlug(): Plug {
  let isIn = true;
  const open = new Set<WebSocket>();
  const listeners = new Set<Listener>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };

  class PluggedSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      open.add(this);
      this.addEventListener('close', () => open.delete(this));
      if (!isIn) setTimeout(() => tear(this));
    }
  }

  /** Break a connection as a cut cable does: nobody says goodbye. */
  function tear(socket: WebSocket): void {
    open.delete(socket);
    const { onclose } = socket;
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    socket.close();
    onclose?.call(socket, new CloseEvent('close', { code: 1006, wasClean: false }));
  }

  return {
    webSocket: PluggedSocket,
    isIn: () => isIn,
    pull: () => {
      isIn = false;
      for (const socket of [...open]) tear(socket);
      tell();
    },
    putIn: () => {
      isIn = true;
      tell();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
