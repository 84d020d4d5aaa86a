/**
 * One live channel: subscribes, folds, resumes, writes.
 *
 * It runs while somebody listens. `view` is what to show, a new object whenever that changes;
 * `subscribe` returns its own undoing.
 */
import { applyEvent, type ChannelState, emptyState, instanceOf, withGraph } from './applyEvent.js';
import { type BackoffOptions, backoffMs } from './backoffMs.js';
import { channelErrorOf, isFinal } from './channelErrorOf.js';
import { type Clock, systemClock } from './clock.js';
import type { ActionTypes, ChannelDescriptor, ChannelTypes } from './descriptor.js';
import { ChannelError, GapError } from './errors.js';
import type { ChannelEvent, ResetReason, SystemMessage } from './event.js';
import { emptyGraph } from './graph.js';
import { type InitialState, initialEvent } from './initialEvent.js';
import type { Live } from './live.js';
import { planOf } from './plan.js';
import { type ChannelStatus, nextStatus, type StatusInput } from './status.js';
import type { OperationResult, Transport } from './transport.js';
import type { Overlay, WriteHost, Writes } from './writes.js';

/** What to show. */
export interface ChannelView<T extends ChannelTypes, W = object> {
  /** Nested and readonly; null before the first snapshot, and when the anchor is gone. */
  readonly state: Live<T['state'], W> | null;
  readonly runtime: T['runtime'] | null;
  readonly status: ChannelStatus;
  /** Whether the stream is live. */
  readonly connected: boolean;
  /** What went wrong last, until the stream is live again. */
  readonly error: ChannelError | null;
  /** Whether the stream has told that there is nothing: no anchor, or an empty list. */
  readonly empty: boolean;
  /** When the last event came. */
  readonly lastUpdate: Date | null;
}

/** Hears what is not state. */
export interface ChannelListener {
  /** Every event, in order, before it shows. */
  onEvent?(event: ChannelEvent): void;
  /** Data that the server sent along. */
  onNotification?(data: unknown): void;
  /** A message to everybody. */
  onSystemMessage?(message: SystemMessage): void;
  /** The stream starts anew. */
  onReset?(reason: ResetReason | null): void;
}

/** Methods that a channel's actions become. */
export type ChannelActions<T extends ChannelTypes> = {
  readonly [Name in keyof T['actions']]: T['actions'][Name] extends ActionTypes
    ? (given: T['actions'][Name]['arguments']) => Promise<T['actions'][Name]['result']>
    : never;
};

export interface ChannelOptions<T extends ChannelTypes> {
  /** What an earlier query answered; the stream goes on from there. */
  readonly initial?: InitialState<T>;
  /** Go on for so long after the last listener left. @defaultValue 0 */
  readonly lingerMs?: number;
  readonly backoff?: BackoffOptions;
  readonly clock?: Clock;
}

/** @typeParam W - what can be written; without a writer nothing */
export class ChannelConnection<T extends ChannelTypes, W = object> {
  /** The channel's actions, by name. */
  readonly actions: ChannelActions<T>;
  /** The view before anything was heard: what a server renders. */
  readonly initialView: ChannelView<T, W>;
  readonly #writes: Writes | undefined;
  readonly #clock: Clock;
  readonly #onChange = new Set<() => void>();
  readonly #listeners = new Set<ChannelListener>();
  #base: ChannelState<T>;
  #shown: ChannelState<T>;
  #view: ChannelView<T, W>;
  #status: ChannelStatus = 'idle';
  #error: ChannelError | null = null;
  #lastUpdate: Date | null = null;
  #attempts = 0;
  #stop: (() => void) | null = null;
  #stopLingering: (() => void) | null = null;
  #stopWaiting: (() => void) | null = null;

  constructor(
    readonly descriptor: ChannelDescriptor<T>,
    readonly variables: T['variables'],
    readonly transport: Transport,
    readonly options: ChannelOptions<T> = {},
    writes?: (host: WriteHost) => Writes,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#writes = writes?.({
      descriptor: descriptor as ChannelDescriptor,
      variables: variables as Record<string, unknown>,
      transport,
      clock: this.#clock,
      isLive: () => this.#status === 'live',
      onOverlays: () => this.#show(),
    });
    const plan = planOf(descriptor as ChannelDescriptor);
    const { binding } = this.#writes ?? {};
    const graph = emptyGraph(binding ? { ...plan, binding } : plan);
    this.#base = { ...emptyState(descriptor), graph };
    if (options.initial) {
      this.#base = applyEvent(this.#base, initialEvent(descriptor, options.initial));
    }
    this.#shown = this.#base;
    this.#view = this.#makeView();
    this.initialView = this.#view;
    this.actions = this.#makeActions();
  }

  /** What to show now. */
  get view(): ChannelView<T, W> {
    return this.#view;
  }

  /** The state that the server has told last, without what is only shown. */
  get told(): ChannelState<T> {
    return this.#base;
  }

  /** Call *onChange* whenever {@link view} is another; the stream runs while anybody listens. */
  readonly subscribe = (onChange: () => void): (() => void) => {
    const listen = () => onChange(); // so that one function may listen twice
    this.#onChange.add(listen);
    this.#stopLingering?.();
    this.#stopLingering = null;
    if (!this.#stop && !this.#stopWaiting && this.#status !== 'closed') this.#start();
    return () => {
      if (!this.#onChange.delete(listen) || this.#onChange.size) return;
      this.#stopLingering = this.#clock.after(this.options.lingerMs ?? 0, () => this.close());
    };
  };

  /** Hear notifications, resets and events; the returned function ends it. */
  listen(listener: ChannelListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Return the instance of a type with an id as it shows now, or null. */
  instance<N extends keyof T['entities'] & string>(
    typename: N,
    id: string,
  ): Live<T['entities'][N], W> | null {
    return instanceOf(this.#shown, typename, id) as Live<T['entities'][N], W> | null;
  }

  /** End the stream; what is known stays, and the next listener resumes from there. */
  close(): void {
    this.#halt();
    this.#move('LEFT');
  }

  /** Try again after an error that ended the stream. */
  retry(): void {
    this.#halt();
    if (this.#onChange.size) this.#start();
  }

  #start(): void {
    const { descriptor, variables, transport } = this;
    const { cursor } = this.#base;
    let isOver = false;
    let stop = () => {};
    this.#stopWaiting = null;
    this.#move('OPENED');
    const stopWatching = transport.watch?.((isUp) => {
      if (!isUp && !isOver) this.#move('DROPPED');
    });
    const over = (then: () => void) => {
      if (isOver) return;
      isOver = true;
      this.#stop = null;
      stopWatching?.();
      then();
    };
    stop = transport.subscribe(
      {
        document: descriptor.subscription,
        variables: { ...variables, ...(cursor === null ? {} : { after: cursor }) },
      },
      {
        next: (result) => {
          if (isOver) return;
          try {
            this.#receive(result);
          } catch (error) {
            over(() => {
              stop();
              this.#fail(error);
            });
          }
        },
        error: (error) => over(() => this.#fail(error)),
        complete: () => over(() => this.#move('ENDED')),
      },
    );
    if (isOver) stop();
    else this.#stop = () => over(stop);
  }

  #halt(): void {
    this.#stopLingering?.();
    this.#stopWaiting?.();
    this.#stop?.();
    this.#stopLingering = this.#stopWaiting = this.#stop = null;
  }

  #receive({ data, errors }: OperationResult): void {
    if (errors) throw errors;
    const event = data?.[this.descriptor.field] as ChannelEvent | undefined;
    if (!event) return;
    this.#tell((listener) => listener.onEvent?.(event));
    this.#base = applyEvent(this.#base, event);
    this.#writes?.settle(event.clientMutationIds ?? []);
    this.#attempts = 0;
    this.#error = null;
    this.#lastUpdate = new Date(this.#clock.now());
    this.#status = nextStatus(this.#status, 'EVENT');
    this.#show();
    this.#tell((listener) => {
      if (event.kind === 'RESET') listener.onReset?.(event.resetReason ?? null);
      for (const { data } of event.notifications ?? []) {
        if (isSystemMessage(data)) listener.onSystemMessage?.(data);
        else listener.onNotification?.(data);
      }
    });
  }

  /** Call the listeners; what they throw is theirs, and no reason to end the stream. */
  #tell(call: (listener: ChannelListener) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        call(listener);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #fail(error: unknown): void {
    if (error instanceof GapError) this.#base = { ...this.#base, cursor: null };
    this.#error =
      error instanceof GapError
        ? new ChannelError(error.message, 'GAP', error)
        : channelErrorOf(error);
    if (isFinal(this.#error)) {
      this.#move('ENDED');
      return;
    }
    const { random } = this.#clock;
    const wait = backoffMs(this.#attempts, { random, ...this.options.backoff });
    this.#attempts += 1;
    this.#stopWaiting = this.#clock.after(wait, () => this.#start());
    this.#move('DROPPED');
  }

  #move(input: StatusInput): void {
    this.#status = nextStatus(this.#status, input);
    this.#show();
  }

  /** Lay the overlays over the server's state, and tell everybody. */
  #show(): void {
    const { overlays = [] } = this.#writes ?? {};
    this.#shown = withGraph(this.#base, overlays.reduce(lay, this.#base.graph));
    const view = this.#makeView();
    if (
      Object.entries(view).every(([name, item]) => item === this.#view[name as keyof typeof view])
    )
      return;
    this.#view = view;
    for (const onChange of [...this.#onChange]) onChange();
  }

  #makeView(): ChannelView<T, W> {
    const state = this.#shown.state as Live<T['state'], W> | null;
    const connected = this.#status === 'live';
    const isNothing = this.descriptor.many ? !(state as unknown[] | null)?.length : state === null;
    return {
      state,
      runtime: this.#shown.runtime,
      status: this.#status,
      connected,
      error: this.#error,
      empty: isNothing && this.#lastUpdate !== null,
      lastUpdate: this.#lastUpdate,
    };
  }

  #makeActions(): ChannelActions<T> {
    const entries = Object.entries(this.descriptor.actions).map(([name, { field, document }]) => [
      name,
      async (given: object) => {
        const { session } = this.#base;
        if (!session || this.#status !== 'live') {
          throw new ChannelError(
            `${field} needs a live channel; this one is ${this.#status}`,
            null,
          );
        }
        const variables = { ...given, session };
        try {
          const { data, errors } = await this.transport.mutate({ document, variables });
          if (errors) throw errors;
          return data?.[field];
        } catch (error) {
          throw channelErrorOf(error);
        }
      },
    ]);
    return Object.fromEntries(entries);
  }
}

/** The server lets nothing else claim to come from it. */
function isSystemMessage(data: unknown): data is SystemMessage {
  return (data as { source?: unknown } | null)?.source === 'rxgraph';
}

function lay(graph: ChannelState['graph'], overlay: Overlay): ChannelState['graph'] {
  try {
    return overlay(graph);
  } catch (error) {
    if (error instanceof GapError) return graph; // it was made for another state
    throw error;
  }
}
