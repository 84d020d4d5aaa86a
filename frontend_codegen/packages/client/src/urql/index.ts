/** Live channels for urql. */
export { useInstance } from '../react/useInstance.js';
export { liveExchange } from './liveExchange.js';
export { urqlTransport } from './urqlTransport.js';
export { type UseUrqlChannelOptions, useChannel } from './useChannel.js';
