/** What a connection needs to know of writes, so that it can do without them. */
import type { Clock } from './clock.js';
import type { ChannelDescriptor } from './descriptor.js';
import type { Graph } from './graph.js';
import type { Binding } from './plan.js';
import type { Transport } from './transport.js';

/** Shows a write that the server has not told yet. */
export type Overlay = (graph: Graph) => Graph;

/** What writes need of their connection. */
export interface WriteHost {
  readonly descriptor: ChannelDescriptor;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Whether all that the server has told on this connection has arrived. */
  isLive(): boolean;
  /** Called when what is laid over the server's state is another. */
  onOverlays(): void;
}

/** The writes of one connection. */
export interface Writes {
  readonly binding: Binding;
  /** What is to be laid over the server's state, oldest first. */
  readonly overlays: readonly Overlay[];
  /** An event has come: forget the overlays of writes that the server's state now contains. */
  settle(clientMutationIds: readonly string[]): void;
}
