/** Live channels for Apollo Client. */
export { useInstance } from '../react/useInstance.js';
export { apolloTransport } from './apolloTransport.js';
export { liveLink } from './liveLink.js';
export { typePoliciesOf } from './typePoliciesOf.js';
export { type UseApolloChannelOptions, useChannel } from './useChannel.js';
