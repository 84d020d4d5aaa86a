/**
 * What a write shows before the server has answered.
 *
 * An overlay is a function from graph to graph. It is laid over each new state of the server's, and
 * taking it away leaves exactly that state: nothing has to be undone.
 */
import type { Clock } from '../core/clock.js';
import type { ChannelDescriptor, LayerDescriptor } from '../core/descriptor.js';
import { Draft } from '../core/draft.js';
import { find, type Graph, type Instance, nodeAt, ROOTS } from '../core/graph.js';
import type { Overlay } from '../core/writes.js';

type Fields = Readonly<Record<string, unknown>>;
type References = readonly { readonly id: string }[];

/** Show *data* in an instance, and the instance at the place *at* of its lists. */
export function saveOverlay(
  layer: LayerDescriptor,
  typename: string,
  id: string,
  data: Fields,
  at?: number,
): Overlay {
  return (graph) => {
    const node = find(graph, typename, id);
    if (!node?.value) return graph;
    const draft = new Draft(graph);
    draft.put(node.layer, { ...node.value, ...shownOf(graph, layer, node.value, data) });
    if (at !== undefined) {
      eachList(graph, draft, typename, id, (list) => inserted(without(list, id), { id }, at));
    }
    return draft.finish();
  };
}

/** Take an instance out of every list and relation. */
export function deleteOverlay(typename: string, id: string): Overlay {
  return (graph) => {
    if (!find(graph, typename, id)) return graph;
    const draft = new Draft(graph);
    eachList(graph, draft, typename, id, (list) => without(list, id));
    return draft.finish();
  };
}

/** Where a new instance goes. */
export interface ListPlace {
  readonly typename: string;
  readonly id: string;
  readonly relation: string;
}

/** Show a new instance in a list; null where it has no value for a relation that is not null. */
export function createOverlay(
  descriptor: ChannelDescriptor,
  parent: ListPlace,
  id: string,
  data: Fields,
  options: { readonly at?: number; readonly show?: Fields; readonly clock: Clock },
): Overlay | null {
  const { at, show, clock } = options;
  const typename = descriptor.layers[parent.typename]?.relations[parent.relation]?.type as string;
  const layer = descriptor.layers[typename] as LayerDescriptor;
  const present = new Date(clock.now()).toISOString();
  const empty: Record<string, unknown> = { __typename: typename, ...layer.empty };
  for (const name of layer.clocks) empty[name] = present;
  for (const [name, { many, nullable }] of Object.entries(layer.relations)) {
    if (many) empty[name] ??= [];
    else if (nullable) empty[name] ??= null;
  }
  const overlay: Overlay = (graph) => {
    const node = find(graph, parent.typename, parent.id);
    const plan = graph.plan.byType.get(typename);
    if (!node?.value || !plan) return graph;
    const row = { ...empty, ...shownOf(graph, layer, empty, data), ...show, id };
    const list = node.value[parent.relation] as References;
    const draft = new Draft(graph);
    draft.put(plan, row);
    const now = inserted(list, { id }, at ?? list.length);
    draft.put(node.layer, { ...node.value, [parent.relation]: now });
    return draft.finish();
  };
  const given = new Set([...Object.keys(data).map((name) => layer.inputs[name] ?? name)]);
  const isWhole = Object.entries(layer.relations).every(
    ([name, { many, nullable }]) => many || nullable || given.has(name) || show?.[name],
  );
  return isWhole ? overlay : null;
}

/** Return the part of *data* that a client can show: own fields, and relations it knows. */
function shownOf(graph: Graph, layer: LayerDescriptor, value: Fields, data: Fields): Fields {
  const shown: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(data)) {
    const relation = layer.relations[layer.inputs[name] ?? ''];
    if (relation) {
      const ids = given === null ? [] : [given].flat();
      if (ids.every((id) => find(graph, relation.type, String(id)))) {
        const references = ids.map((id) => ({ id: String(id) }));
        shown[layer.inputs[name] as string] = relation.many ? references : (references[0] ?? null);
      }
    } else if (given !== undefined && name in value && !(name in layer.relations)) {
      shown[name] = given;
    }
  }
  return shown;
}

/** Change every list that holds an instance; single relations become null when it is taken out. */
function eachList(
  graph: Graph,
  draft: Draft,
  typename: string,
  id: string,
  change: (list: References) => References,
): void {
  const node = find(graph, typename, id);
  for (const slot of new Set(node?.parents)) {
    if (slot === ROOTS) {
      draft.setRoots(change(graph.values));
      continue;
    }
    const parent = nodeAt(graph, slot);
    if (!parent?.value) continue;
    const row: Record<string, unknown> = { ...parent.value };
    for (const { name, type, many } of parent.layer.relations) {
      const field = row[name] as References | { readonly id: string } | null;
      if (type !== typename || !field) continue;
      if (many && (field as References).some((item) => item.id === id)) {
        row[name] = change(field as References);
      } else if (!many && (field as { id: string }).id === id) {
        row[name] = change([field as { id: string }])[0] ?? null;
      }
    }
    draft.put(parent.layer, row as Instance);
  }
}

function without(list: References, id: string): References {
  return list.filter((item) => item.id !== id);
}

function inserted(list: References, item: { readonly id: string }, at: number): References {
  return [...list.slice(0, at), item, ...list.slice(at)];
}
