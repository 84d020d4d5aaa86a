/** A plug in the network cable of one pane: pulled, its sockets break and none can be opened. */

/** A plug, and the kind of WebSocket that goes through it. */
export interface Plug {
  readonly webSocket: typeof WebSocket;
  isIn(): boolean;
  pull(): void;
  putIn(): void;
  /** Call *listener* when the plug is pulled or put in; the function returned ends that. */
  subscribe(listener: () => void): () => void;
}

/** Return a plug that is in. */
export function createPlug(): Plug {
  let isIn = true;
  const open = new Set<WebSocket>();
  const listeners = new Set<() => void>();
  const turn = (next: boolean): void => {
    isIn = next;
    if (!isIn) for (const socket of open) cut(socket);
    for (const listener of listeners) listener();
  };
  return {
    webSocket: new Proxy(WebSocket, {
      construct: (target, [url, protocols]: [string, string | string[] | undefined]) => {
        if (!isIn) return new DeadSocket();
        const socket = new target(url, protocols);
        open.add(socket);
        socket.addEventListener('close', () => open.delete(socket));
        return socket;
      },
    }),
    isIn: () => isIn,
    pull: () => turn(false),
    putIn: () => turn(true),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const LOST = { code: 1006, wasClean: false };

/** Break a connection as a cut cable does: nobody says goodbye to whoever listens. */
function cut(socket: WebSocket): void {
  const { onclose } = socket;
  socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
  socket.close();
  onclose?.call(socket, new CloseEvent('close', LOST));
}

/** What a socket is without a cable: closed as soon as somebody listens. */
class DeadSocket {
  readonly readyState = WebSocket.CLOSED;
  onclose: ((event: CloseEvent) => void) | null = null;

  constructor() {
    setTimeout(() => this.onclose?.(new CloseEvent('close', LOST)));
  }

  close(): void {}
  send(): void {}
}
