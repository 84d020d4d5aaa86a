/** The panel of ready operations, as GraphiQL wants plugins. */

import type { GraphiQLPlugin } from '@graphiql/react';
import type { ReadyChannel } from '../page';
import { ReadyPanel } from './ReadyPanel';

/** Return the panel for *channels*. */
export function readyPlugin(channels: readonly ReadyChannel[]): GraphiQLPlugin {
  return {
    title: 'Ready operations',
    icon: () => (
      <svg
        className="rx-plugin-icon"
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        aria-hidden="true"
      >
        <path
          d="M9 6h11M9 12h11M9 18h11M4 4.2v3.6L6.8 6zM4 10.2v3.6L6.8 12zM4 16.2v3.6L6.8 18z"
          strokeLinejoin="round"
        />
      </svg>
    ),
    content: () => <ReadyPanel channels={channels} />,
  };
}
