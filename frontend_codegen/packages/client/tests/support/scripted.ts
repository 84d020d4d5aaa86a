/** A transport and a clock that tests turn by hand. */
import type {
  ChannelEvent,
  Clock,
  OperationRequest,
  OperationResult,
  ResultSink,
  Transport,
} from '../../src/core/index.js';

export class ScriptedTransport implements Transport {
  readonly subscriptions: { request: OperationRequest; sink: ResultSink; isStopped: boolean }[] =
    [];
  readonly mutations: {
    request: OperationRequest;
    answer(result: OperationResult): void;
    fail(error: unknown): void;
  }[] = [];
  readonly watchers = new Set<(isUp: boolean) => void>();

  subscribe(request: OperationRequest, sink: ResultSink) {
    const subscription = { request, sink, isStopped: false };
    this.subscriptions.push(subscription);
    return () => {
      subscription.isStopped = true;
    };
  }

  mutate(request: OperationRequest) {
    return new Promise<OperationResult>((answer, fail) => {
      this.mutations.push({ request, answer, fail });
    });
  }

  watch(listener: (isUp: boolean) => void) {
    this.watchers.add(listener);
    return () => {
      this.watchers.delete(listener);
    };
  }

  get current() {
    const subscription = this.subscriptions.at(-1);
    if (!subscription) throw new Error('nobody has subscribed');
    return subscription;
  }

  tell(event: ChannelEvent) {
    this.current.sink.next({ data: { board: event } });
  }
}

export class ManualClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  readonly #tasks = new Map<() => void, number>();
  now = () => this.#now;
  random = () => 0.5;

  after(milliseconds: number, task: () => void) {
    const run = () => task();
    this.#tasks.set(run, this.#now + milliseconds);
    return () => {
      this.#tasks.delete(run);
    };
  }

  /** Let so many milliseconds pass. */
  turn(milliseconds: number) {
    const end = this.#now + milliseconds;
    for (;;) {
      const [task, at] = [...this.#tasks].sort(([, a], [, b]) => a - b)[0] ?? [null, 0];
      if (!task || at > end) break;
      this.#tasks.delete(task);
      this.#now = at;
      task();
    }
    this.#now = end;
  }

  get waiting() {
    return this.#tasks.size;
  }
}
