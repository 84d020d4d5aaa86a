/** Throw what the server says against a write, if it says anything. */

import { RefusedError, type WriteMessage } from '@rxgraph/client';

export function refusedBy(messages: readonly WriteMessage[] | undefined): void {
  if (messages?.length) throw new RefusedError(messages);
}
