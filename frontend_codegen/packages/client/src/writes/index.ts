/** Live channels that can be written. */

export type { ListPlace } from './overlays.js';
export { WritableConnection } from './WritableConnection.js';
export { Writer } from './writer.js';
