/** The panel of watched subscriptions, as GraphiQL wants plugins. */

import type { GraphiQLPlugin } from '@graphiql/react';
import { BroadcastIcon } from './BroadcastIcon';
import { LivePanel } from './LivePanel';

export const LIVE_PLUGIN: GraphiQLPlugin = {
  title: 'Live',
  icon: () => <BroadcastIcon className="rx-plugin-icon" />,
  content: LivePanel,
};
