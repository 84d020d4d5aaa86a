/**
 * A persistent graph of instances, and the nested values made of them.
 *
 * Every version stays valid: a change copies the pages and values it touches and shares the rest.
 * An instance gets a slot, a small number, the first time it is named; slots are never used again,
 * so all versions of a graph share one table of them. Instances live as long as a link leads to
 * them.
 */
import type { LayerPlan, Plan } from './plan.js';

/** A number that stands for one instance, whatever its value. */
export type Slot = number;

/** An instance: its fields, with relations as references or as nested instances. */
export interface Instance {
  readonly id: string;
  readonly [field: string]: unknown;
}

export interface Node {
  readonly layer: LayerPlan;
  /** Nested; undefined while only links to it are known, which no finished graph contains. */
  readonly value: Instance | undefined;
  /** Per relation of the layer the slots it leads to. */
  readonly links: readonly (readonly Slot[])[];
  /** Where links come from, one entry for each. */
  readonly parents: readonly Slot[];
}

export type Page = readonly (Node | undefined)[];

/** One version. */
export interface Graph {
  readonly plan: Plan;
  readonly slots: Map<string, Slot>;
  readonly pages: readonly Page[];
  /** How many instances there are. */
  readonly size: number;
  /** The slots of the roots, in order, and their nested values. */
  readonly roots: readonly Slot[];
  readonly values: readonly Instance[];
}

/** The parent that roots have. */
export const ROOTS: Slot = -1;

/** Slots per page: a change copies one page, and the list of pages. */
export const PAGE_BITS = 5;
export const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** Return a graph without instances. */
export function emptyGraph(plan: Plan): Graph {
  return { plan, slots: new Map(), pages: [], size: 0, roots: [], values: [] };
}

/** Return the name under which an instance has its slot. */
export function keyOf(typename: string, id: string): string {
  return `${typename}:${id}`;
}

/** Return what is known of the instance in *slot*. */
export function nodeAt(graph: Pick<Graph, 'pages'>, slot: Slot): Node | undefined {
  return graph.pages[slot >> PAGE_BITS]?.[slot & PAGE_MASK];
}

/** Return an instance with all that hangs on it, or undefined. */
export function find(graph: Graph, typename: string, id: string): Node | undefined {
  const slot = graph.slots.get(keyOf(typename, id));
  return slot === undefined ? undefined : nodeAt(graph, slot);
}
