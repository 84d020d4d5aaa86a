import { expect, vi } from 'vitest';

/**
 * Watch the console; the returned function says that nothing was written there.
 *
 * @param isExpected - tells warnings that are known
 */
export function hearComplaints(isExpected: (words: readonly unknown[]) => boolean = () => false) {
  const spies = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn')];
  for (const spy of spies) spy.mockImplementation(() => {});
  return () => {
    const calls = spies.flatMap((spy) => spy.mock.calls as unknown[][]);
    for (const spy of spies) spy.mockRestore();
    expect(calls.filter((words) => !isExpected(words))).toEqual([]);
  };
}

/** Apollo Client warns in development when a list gets shorter, if it has no type policy. */
export function isAboutShorterList(words: readonly unknown[]): boolean {
  const [text, , , , , existing, incoming] = words;
  return (
    String(text).startsWith('Cache data may be lost') &&
    Array.isArray(existing) &&
    Array.isArray(incoming) &&
    incoming.length < existing.length
  );
}
