/** What the server says in the page: the ready operations of every channel. */

/** One operation, ready to run once its variables are filled in. */
export interface ReadyOperation {
  readonly name: string;
  readonly kind: 'query' | 'subscription' | 'mutation';
  readonly description: string;
  readonly document: string;
  /** JSON text, for people to edit. */
  readonly variables: string;
}

/** A channel with all that can be done with it. */
export interface ReadyChannel {
  readonly name: string;
  readonly description: string;
  /** The operations of the channel's own tab, in one document. */
  readonly document: string;
  readonly variables: string;
  readonly operations: readonly ReadyOperation[];
}

/** Everything the page is told. */
export interface Page {
  readonly channels: readonly ReadyChannel[];
}

/** Read the data block that the server wrote into the page. */
export function readPage(source: ParentNode): Page {
  const block = source.querySelector('script#rxgraph');
  // Written by the same release of the same package: the shape is known.
  return JSON.parse(block?.textContent ?? '{"channels": []}') as Page;
}
