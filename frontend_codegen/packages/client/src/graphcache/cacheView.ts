/** What of Graphcache is used here, so that nothing of it has to be imported. */

type Entity = string | { readonly __typename: string; readonly id: string };

/** The part of Graphcache's `Cache` that optimistic resolvers read. */
export interface CacheView {
  resolve(entity: Entity, field: string): unknown;
  inspectFields(
    entity: string,
  ): readonly { readonly fieldName: string; readonly fieldKey: string }[];
}

/** An instance or a payload, as a mutation would answer it; fields that are cached may be absent. */
export interface OptimisticResult {
  readonly __typename: string;
  // biome-ignore lint/suspicious/noExplicitAny: Graphcache's own type of data
  readonly [field: string]: any;
}

/** Fits `cacheExchange({ optimistic })`. */
export type OptimisticResolvers = Record<
  string,
  // biome-ignore lint/suspicious/noExplicitAny: Graphcache hands over arguments of any shape
  (args: any, cache: CacheView) => OptimisticResult | null
>;
