/** React hooks over a bare socket, and what the hooks of Apollo Client and urql share. */
export { SocketProvider, useSocket } from './SocketProvider.js';
export { type UseSocketChannelOptions, useChannel } from './useChannel.js';
export type { UseChannelOptions, UsedChannel } from './useConnection.js';
export { useInstance } from './useInstance.js';
