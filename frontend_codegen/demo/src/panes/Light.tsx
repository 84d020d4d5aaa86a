/** A light that says how the connection fares. */

import type { ChannelStatus } from '@rxgraph/client';

const TEXT: Readonly<Record<ChannelStatus, string>> = {
  idle: 'Idle',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  closed: 'Closed',
};

interface Props {
  readonly status: ChannelStatus;
  readonly isPlugged: boolean;
  readonly lastUpdate: Date | null;
}

export function Light({ status, isPlugged, lastUpdate }: Props) {
  const text = isPlugged ? TEXT[status] : 'Offline';
  const title = lastUpdate ? `Last event at ${lastUpdate.toLocaleTimeString()}` : 'No event yet';
  return (
    <output className={`light light-${isPlugged ? status : 'offline'}`} title={title}>
      <span className="bulb" aria-hidden="true" />
      {text}
    </output>
  );
}
