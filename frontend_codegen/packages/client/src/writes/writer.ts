/**
 * Saves, creates and deletes: sends them, shows them meanwhile, takes back what is refused.
 *
 * An overlay ends when the server's state contains the write, when the server refuses, or after the
 * layer's `optimisticTimeout`: from then on the server's state wins.
 */

import { channelErrorOf } from '../core/channelErrorOf.js';
import { uniqueId } from '../core/clock.js';
import type { LayerDescriptor, WriteDescriptor } from '../core/descriptor.js';
import { ChannelError, RefusedError, type WriteMessage } from '../core/errors.js';
import type { SaveOptions, WriteOptions, Written } from '../core/live.js';
import type { Binding } from '../core/plan.js';
import type { OperationResult } from '../core/transport.js';
import type { Overlay, WriteHost, Writes } from '../core/writes.js';
import { bindWrites } from './bindWrites.js';
import { createOverlay, deleteOverlay, type ListPlace, saveOverlay } from './overlays.js';

type Fields = Readonly<Record<string, unknown>>;

interface Payload {
  readonly cursor?: string | null;
  readonly messages?: readonly WriteMessage[];
  readonly [instance: string]: unknown;
}

interface Pending {
  readonly overlay: Overlay;
  readonly stopTimer: () => void;
  /** The server has answered; the stream will say the same with its next event. */
  isConfirmed: boolean;
}

const HARMLESS = new Set(['INFO', 'WARNING']);

export class Writer implements Writes {
  /** Gives instances and lists their methods. */
  readonly binding: Binding;
  readonly #pending = new Map<string, Pending>();
  /** Ids that a client made up, and what becomes of them. */
  readonly #created = new Map<string, Promise<string>>();

  constructor(readonly host: WriteHost) {
    this.binding = bindWrites(host.descriptor, this);
  }

  /** What is to be laid over the server's state, oldest first. */
  get overlays(): readonly Overlay[] {
    return [...this.#pending.values()].map(({ overlay }) => overlay);
  }

  /** Forget the overlays of writes that the server's state now contains. */
  settle(clientMutationIds: readonly string[]): void {
    for (const id of clientMutationIds) this.#drop(id);
    for (const [id, { isConfirmed }] of this.#pending) if (isConfirmed) this.#drop(id);
  }

  /** Change an instance: fields that *data* leaves out stay as they are. */
  async save(typename: string, id: string, data: Fields, options: SaveOptions = {}) {
    const layer = this.#layer(typename);
    const { expectedVersion } = options;
    const write = this.#declared(typename, 'save');
    const overlay = saveOverlay(layer, typename, id, data, options.at);
    return this.#write(write, typename, overlay, options, async () => ({
      id: await this.#realId(id),
      data,
      ...(expectedVersion === undefined ? {} : { expectedVersion }),
    }));
  }

  /** Create an instance in a list of another. */
  async create(parent: ListPlace, data: Fields, options: WriteOptions = {}) {
    const { descriptor, clock } = this.host;
    const relation = descriptor.layers[parent.typename]?.relations[parent.relation];
    if (!relation?.parentKey) {
      throw new Error(`Nothing can be created in ${parent.typename}.${parent.relation}`);
    }
    const { type, parentKey } = relation;
    const write = this.#declared(type, 'create');
    const id = `new-${uniqueId(clock)}`;
    const overlay = createOverlay(descriptor, parent, id, data, { ...options, clock });
    const written = this.#write(write, type, overlay, options, async () => ({
      parent: { [parentKey]: await this.#realId(parent.id) },
      data,
    }));
    this.#created.set(
      id,
      written.then(({ id: real }) => {
        if (real) return real;
        throw new ChannelError(`The id of the new ${type} is not known yet`, null);
      }),
    );
    this.#created.get(id)?.catch(() => {}); // told to whoever created it
    written.finally(() => clock.after(60_000, () => this.#created.delete(id))).catch(() => {});
    return written;
  }

  /** Delete an instance. */
  async delete(typename: string, id: string, options: WriteOptions = {}) {
    const write = this.#declared(typename, 'delete');
    return this.#write(write, typename, deleteOverlay(typename, id), options, async () => ({
      id: await this.#realId(id),
    }));
  }

  async #write(
    { field, document, instance }: WriteDescriptor,
    typename: string,
    overlay: Overlay | null,
    options: WriteOptions,
    variables: () => Promise<Fields>,
  ): Promise<Written> {
    const { transport, clock, variables: channel } = this.host;
    const { optimistic, optimisticTimeout } = this.#layer(typename);
    const { clientMutationId = uniqueId(clock) } = options;
    if (overlay && (options.optimistic ?? optimistic)) {
      this.#show(clientMutationId, overlay, optimisticTimeout * 1000);
    }
    let result: OperationResult;
    try {
      const all = { ...channel, ...(await variables()), clientMutationId };
      result = await transport.mutate({ document, variables: all });
      if (result.errors) throw result.errors;
    } catch (error) {
      this.#takeBack(clientMutationId);
      throw error instanceof RefusedError ? error : channelErrorOf(error);
    }
    const payload = result.data?.[field] as Payload;
    const messages = (payload.messages ?? []).filter(({ kind }) => !HARMLESS.has(kind));
    if (messages.length) {
      this.#takeBack(clientMutationId);
      throw new RefusedError(messages);
    }
    const cursor = payload.cursor ?? null;
    if (cursor !== null) this.#confirm(clientMutationId);
    const written = payload[instance] as string | { readonly id: string } | null;
    const id = (typeof written === 'string' ? written : written?.id) ?? '';
    return { id, clientMutationId, cursor };
  }

  #show(id: string, overlay: Overlay, timeoutMs: number): void {
    const stopTimer = this.host.clock.after(timeoutMs, () => this.#takeBack(id));
    this.#pending.set(id, { overlay, stopTimer, isConfirmed: false });
    this.host.onOverlays();
  }

  /**
   * On one socket the event of a write comes before its answer, so now the state contains it; if
   * the stream is just being resumed, its first event will. (Elsewhere the event tells by name.)
   */
  #confirm(id: string): void {
    const pending = this.#pending.get(id);
    if (!pending || !this.host.transport.watch) return;
    if (this.host.isLive()) this.#takeBack(id);
    else pending.isConfirmed = true;
  }

  #takeBack(id: string): void {
    if (this.#drop(id)) this.host.onOverlays();
  }

  #drop(id: string): boolean {
    this.#pending.get(id)?.stopTimer();
    return this.#pending.delete(id);
  }

  async #realId(id: string): Promise<string> {
    return this.#created.get(id) ?? id;
  }

  #layer(typename: string): LayerDescriptor {
    return this.host.descriptor.layers[typename] as LayerDescriptor;
  }

  #declared(typename: string, operation: 'save' | 'create' | 'delete'): WriteDescriptor {
    const write = this.host.descriptor.writes[typename]?.[operation];
    if (!write) {
      const { typename: channel } = this.host.descriptor;
      throw new Error(`${channel} does not let clients ${operation} ${typename}`);
    }
    return write;
  }
}
