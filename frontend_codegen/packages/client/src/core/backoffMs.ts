/** How long to wait before trying again. */
export interface BackoffOptions {
  /** Wait before the first retry. @defaultValue 500 */
  readonly initialDelayMs?: number;
  /** Longest wait. @defaultValue 30_000 */
  readonly maxDelayMs?: number;
  /** A number from 0 up to 1. @defaultValue Math.random */
  readonly random?: () => number;
}

/**
 * Return the wait in milliseconds before retry number *attempt*, which counts from 0.
 *
 * It doubles each time, and half of it is chance: clients that lost one server together do not come
 * back together.
 */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { initialDelayMs = 500, maxDelayMs = 30_000, random = Math.random } = options;
  const longest = Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(attempt, 30));
  return longest * (0.5 + random() / 2);
}
