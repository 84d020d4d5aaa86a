/** One connection per channel and arguments, however many components show it. */
import type { ChannelDescriptor, ChannelOptions, ChannelTypes, Transport } from '../core/index.js';
import { WritableConnection } from '../writes/index.js';

type Connections = Map<string, WeakRef<WritableConnection<never>>>;

const connections = new WeakMap<object, Connections>();
const gone = new FinalizationRegistry<() => void>((forget) => forget());

/**
 * Return the connection of *owner* (a socket or client) to a channel.
 *
 * It is held as long as something shows it or the collector leaves it alone, so that a view that
 * comes back goes on where it was.
 */
export function channelFor<T extends ChannelTypes>(
  owner: object,
  descriptor: ChannelDescriptor<T>,
  variables: T['variables'],
  transport: () => Transport,
  options: ChannelOptions<T>,
): WritableConnection<T> {
  let own = connections.get(owner);
  if (!own) {
    own = new Map();
    connections.set(owner, own);
  }
  const key = keyOf(descriptor as ChannelDescriptor, variables);
  const known = own.get(key)?.deref() as WritableConnection<T> | undefined;
  if (known) return known;
  const made = new WritableConnection(descriptor, variables, transport(), options);
  const reference = new WeakRef(made as unknown as WritableConnection<never>);
  own.set(key, reference);
  const mine = own;
  gone.register(made, () => {
    if (mine.get(key) === reference) mine.delete(key);
  });
  return made;
}

/** Return one text for equal arguments, in whatever order they are written. */
export function keyOf({ field }: ChannelDescriptor, variables: object): string {
  const given = Object.entries(variables)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `${field}${JSON.stringify(given)}`;
}
