/** What a descriptor means, worked out once: layers by type name and by their list in `changed`. */
import type { ChannelDescriptor } from './descriptor.js';

/** A relation as the graph walks it. */
export interface RelationPlan {
  readonly name: string;
  readonly type: string;
  readonly many: boolean;
}

/** A layer as the graph walks it. */
export interface LayerPlan {
  readonly typename: string;
  readonly relations: readonly RelationPlan[];
  /** Position of each relation in `relations`. */
  readonly positions: ReadonlyMap<string, number>;
}

/** Gives nested values methods of their own. */
export interface Binding {
  /** Return the object that an instance's fields are put on. */
  instance(layer: LayerPlan): object;
  /** Give a list of *relation* in the instance *id* of *layer* its methods. */
  list(layer: LayerPlan, id: string, relation: RelationPlan, list: readonly object[]): void;
}

/** The layers of one channel. */
export interface Plan {
  readonly binding?: Binding;
  readonly root: LayerPlan;
  readonly byType: ReadonlyMap<string, LayerPlan>;
  readonly byChanges: ReadonlyMap<string, LayerPlan>;
}

const plans = new WeakMap<object, Plan>();

/** Return the plan of *descriptor*; the same descriptor gives the same plan. */
export function planOf(descriptor: ChannelDescriptor): Plan {
  let plan = plans.get(descriptor);
  if (!plan) {
    plan = makePlan(descriptor);
    plans.set(descriptor, plan);
  }
  return plan;
}

function makePlan(descriptor: ChannelDescriptor): Plan {
  const byType = new Map<string, LayerPlan>();
  const byChanges = new Map<string, LayerPlan>();
  for (const [typename, layer] of Object.entries(descriptor.layers)) {
    const relations = Object.entries(layer.relations).map(([name, { type, many }]) => ({
      name,
      type,
      many,
    }));
    const positions = new Map(relations.map(({ name }, position) => [name, position]));
    const plan = { typename, relations, positions };
    byType.set(typename, plan);
    byChanges.set(layer.changes, plan);
  }
  const root = byType.get(descriptor.root);
  if (!root) {
    throw new Error(`${descriptor.typename}: the root ${descriptor.root} is none of its layers`);
  }
  return { root, byType, byChanges };
}
