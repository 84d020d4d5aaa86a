/** Live state without a framework: no dependencies. */
export * from './applyEvent.js';
export type * from './descriptor.js';
export * from './errors.js';
export type * from './event.js';
export { foldOf } from './fold.js';
export type { Instance } from './graph.js';
