/** What went wrong, in words that say what to do. */

const CLOSED: Readonly<Record<number, string>> = {
  4401: 'the credentials are wrong: look at the headers editor',
  4408: 'the server waited for connection_init in vain',
  1006: 'the server cannot be reached',
  1012: 'the server restarts',
  1013: 'the server is overloaded',
};

/** Turn what a socket ended with into a result that can be shown. */
export function toResult(error: unknown): { readonly errors: readonly unknown[] } {
  if (Array.isArray(error)) return { errors: error };
  return { errors: [{ message: toMessage(error) }] };
}

function toMessage(error: unknown): string {
  if (isCloseEvent(error)) {
    const why = error.reason || CLOSED[error.code] || 'no reason was given';
    return `The socket was closed (${error.code}): ${why}`;
  }
  return error instanceof Error ? error.message : 'The socket failed: the server cannot be reached';
}

function isCloseEvent(value: unknown): value is { code: number; reason: string } {
  return typeof value === 'object' && value !== null && 'code' in value && 'reason' in value;
}
