/** Live state without a framework: no dependencies. */
export type * from './descriptor.js';
