/** The events of a channel, as PROTOCOL.md has them. */
import type { Instance } from './graph.js';

export type ChannelEventKind = 'SNAPSHOT' | 'DELTA' | 'RESET' | 'MESSAGE';

export type ResetReason = 'CURSOR_EXPIRED' | 'OVERFLOW' | 'PERMISSION_CHANGED' | 'CACHE_CLEARED';

export interface RemovedInstance {
  readonly typename: string;
  readonly nodeId: string;
  readonly reason: 'DELETED' | 'LEFT';
}

/** What is told to everybody, such as before a deploy (`manage.py rxgraph_broadcast`). */
export interface SystemMessage {
  readonly kind: 'system' | 'maintenance';
  readonly message: string;
}

/** What a generated subscription document yields under the channel's field. */
export interface ChannelEvent {
  readonly kind: ChannelEventKind;
  readonly cursor: string;
  readonly session?: string | null;
  readonly channel?: {
    readonly state: { readonly id: string } | readonly { readonly id: string }[] | null;
  } | null;
  /** One list of whole instances per layer. */
  readonly changed?: Readonly<Record<string, readonly Instance[] | unknown>> | null;
  readonly removed?: readonly RemovedInstance[];
  readonly runtime?: object | null;
  readonly notifications?: readonly { readonly data: unknown }[];
  readonly clientMutationIds?: readonly string[];
  readonly resetReason?: ResetReason | null;
}
