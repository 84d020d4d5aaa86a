/** What a query answered, as the event that says the same. */
import type { ChannelDescriptor, ChannelTypes } from './descriptor.js';
import type { ChannelEvent } from './event.js';
import type { Instance } from './graph.js';
import { type LayerPlan, planOf } from './plan.js';

/** The answer of a channel's query: `data.project`. */
export interface InitialState<T extends ChannelTypes> {
  readonly cursor: string;
  readonly state: T['state'] | null;
}

/** Return the SNAPSHOT that tells *initial*. */
export function initialEvent<T extends ChannelTypes>(
  descriptor: ChannelDescriptor<T>,
  { cursor, state }: InitialState<T>,
): ChannelEvent {
  const plan = planOf(descriptor as ChannelDescriptor);
  const changed: Record<string, Instance[]> = {};
  const seen = new Set<string>();
  const add = (layer: LayerPlan, instance: Instance): void => {
    const key = `${layer.typename}:${instance.id}`;
    if (seen.has(key)) return;
    seen.add(key);
    const name = descriptor.layers[layer.typename]?.changes as string;
    changed[name] ??= [];
    changed[name].push(instance);
    for (const relation of layer.relations) {
      const value = instance[relation.name] as Instance | readonly Instance[] | null | undefined;
      const child = plan.byType.get(relation.type) as LayerPlan;
      for (const item of value ? [value].flat() : []) add(child, item as Instance);
    }
  };
  for (const root of state ? [state as Instance | Instance[]].flat() : []) add(plan.root, root);
  return {
    kind: 'SNAPSHOT',
    cursor,
    channel: { state: state as Instance | readonly Instance[] | null },
    changed,
  };
}
