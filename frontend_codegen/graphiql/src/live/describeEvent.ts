/** What a result tells, in one line: an event of a channel, an error, or any other data. */

/** One line about a result. */
export interface EventLine {
  readonly label: string;
  readonly text: string;
}

/** Describe *result*: `DELTA`, `tasks 2, removed 1`. */
export function describeEvent(result: unknown): EventLine {
  const { errors, data } = record(result);
  if (Array.isArray(errors)) {
    return { label: 'ERROR', text: errors.map((one) => String(record(one).message)).join('; ') };
  }
  const [event] = Object.values(record(data));
  const { kind, changed, removed, notifications, resetReason, channel } = record(event);
  const parts = Object.entries(record(changed))
    .filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]) && entry[1].length > 0)
    .map(([name, items]) => `${name} ${items.length}`);
  if (Array.isArray(removed) && removed.length > 0) parts.push(`removed ${removed.length}`);
  if (Array.isArray(notifications) && notifications.length > 0) {
    parts.push(JSON.stringify(notifications.map((one) => record(one).data)));
  }
  if (typeof resetReason === 'string') parts.push(resetReason);
  if (channel !== null && record(channel).state === null) parts.push('the state is empty now');
  return { label: typeof kind === 'string' ? kind : 'DATA', text: parts.join(', ') };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
