/** Live state without a framework: no dependencies. */
export {
  applyEvent,
  type ChannelState,
  emptyState,
  instanceOf,
} from './applyEvent.js';
export { type BackoffOptions, backoffMs } from './backoffMs.js';
export {
  type ChannelActions,
  ChannelConnection,
  type ChannelListener,
  type ChannelOptions,
  type ChannelView,
} from './ChannelConnection.js';
export { channelErrorOf } from './channelErrorOf.js';
export { type Clock, systemClock } from './clock.js';
export type * from './descriptor.js';
export * from './errors.js';
export type * from './event.js';
export { foldOf } from './fold.js';
export type { Instance } from './graph.js';
export type { InitialState } from './initialEvent.js';
export type * from './live.js';
export { type LiveSocketOptions, liveSocket } from './liveSocket.js';
export { resuming, type SocketClient } from './resuming.js';
export { socketTransport, type WatchedSocket, watchSocket } from './socketTransport.js';
export { type ChannelStatus, nextStatus, TRANSITIONS } from './status.js';
export type * from './transport.js';
export type { Overlay, WriteHost, Writes } from './writes.js';
