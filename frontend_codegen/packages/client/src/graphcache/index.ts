/** For urql's normalised cache: what it shows before the server has answered. */
export type { CacheView, OptimisticResolvers, OptimisticResult } from './cacheView.js';
export { optimisticOf } from './optimisticOf.js';
