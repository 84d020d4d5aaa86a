/** What a channel's connection does, as a table. */
export type ChannelStatus = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'closed';

/** What can happen to it. */
export type StatusInput = 'OPENED' | 'EVENT' | 'DROPPED' | 'ENDED' | 'LEFT';

export const TRANSITIONS: Readonly<
  Record<ChannelStatus, Readonly<Partial<Record<StatusInput, ChannelStatus>>>>
> = {
  idle: { OPENED: 'connecting' },
  connecting: { EVENT: 'live', ENDED: 'closed', LEFT: 'idle' },
  live: { DROPPED: 'reconnecting', ENDED: 'closed', LEFT: 'idle' },
  reconnecting: { EVENT: 'live', ENDED: 'closed', LEFT: 'idle' },
  closed: { OPENED: 'connecting', LEFT: 'idle' },
};

/** Return the status after *input*; what a status does not name leaves it as it is. */
export function nextStatus(status: ChannelStatus, input: StatusInput): ChannelStatus {
  return TRANSITIONS[status][input] ?? status;
}
