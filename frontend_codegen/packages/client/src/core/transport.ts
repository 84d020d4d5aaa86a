/** What carries operations: a bare socket, Apollo Client or urql. */
import type { GraphQLDocument } from './descriptor.js';

export interface OperationRequest {
  readonly document: GraphQLDocument;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface OperationResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  /** GraphQL errors, or whatever else says that it failed. */
  readonly errors?: unknown;
}

export interface ResultSink {
  next(result: OperationResult): void;
  error(error: unknown): void;
  complete(): void;
}

export interface Transport {
  /** Start a subscription; the returned function ends it. */
  subscribe(request: OperationRequest, sink: ResultSink): () => void;
  /** Run a mutation. */
  mutate(request: OperationRequest): Promise<OperationResult>;
  /**
   * Tell whenever the socket below comes (true) or goes (false), where everything goes over one: then
   * answers come in the order of the stream.
   */
  watch?(listener: (isUp: boolean) => void): () => void;
}
