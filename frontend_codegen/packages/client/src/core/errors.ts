/** What can go wrong, by whose move it is. */

/** A stream did not carry what it links to; the state has to be read anew. */
export class GapError extends Error {
  override readonly name = 'GapError';
}

/** One message of a refused write, as the server words it. */
export interface WriteMessage {
  readonly kind: string;
  readonly message: string;
  readonly field?: string | null;
  readonly code?: string | null;
}

/** The server refused a write; nothing was written. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';

  constructor(readonly messages: readonly WriteMessage[]) {
    super(messages.map(({ message }) => message).join(' ') || 'The write was refused.');
  }
}

/** The server, or the way to it, failed; `code` is one of PROTOCOL.md's where it is known. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';

  constructor(
    message: string,
    readonly code: string | null,
    readonly source?: unknown,
  ) {
    super(message);
  }
}
