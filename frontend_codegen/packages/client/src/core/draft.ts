/**
 * The change from one version of a graph to the next.
 *
 * Put instances, set the roots, and `finish`: links are counted, what nothing leads to is dropped,
 * and the nested values on the way from each change up to the roots are made anew. The version that
 * it began with stays as it is.
 */
import { GapError } from './errors.js';
import {
  type Graph,
  type Instance,
  keyOf,
  type Node,
  nodeAt,
  PAGE_BITS,
  PAGE_MASK,
  type Page,
  ROOTS,
  type Slot,
} from './graph.js';
import type { LayerPlan } from './plan.js';
import { sameJson } from './sameJson.js';

const NONE: readonly never[] = [];
type Reference = { readonly id: string };

export class Draft {
  readonly #pages: Page[];
  readonly #ownPages = new Set<number>();
  readonly #ownParents = new Set<Slot>();
  readonly #changed = new Set<Slot>();
  readonly #orphans: Slot[] = [];
  #size: number;
  #roots: readonly Slot[];
  readonly #unknown: Node;

  constructor(readonly base: Graph) {
    this.#pages = base.pages.slice();
    this.#size = base.size;
    this.#roots = base.roots;
    this.#unknown = { layer: base.plan.root, value: undefined, links: NONE, parents: NONE };
  }

  /** Write an instance whole; one that is as it was changes nothing. */
  put(layer: LayerPlan, row: Instance): void {
    const slot = this.#slotOf(layer.typename, row.id);
    const old = this.#get(slot);
    const links = layer.relations.map(({ name, type, many }, position) => {
      const field = row[name];
      const references = field == null ? NONE : many ? field : [field];
      return this.#links(type, references as readonly Reference[], old?.links[position] ?? NONE);
    });
    if (old?.value && sameLists(links, old.links) && sameFields(layer, old.value, row)) return;
    if (!old?.value) this.#size += 1;
    links.forEach((now, position) => {
      this.#relink(slot, old?.links[position] ?? NONE, now);
    });
    const parents = this.#get(slot)?.parents ?? NONE;
    this.#set(slot, { layer, value: row, links, parents });
    this.#changed.add(slot);
    if (!parents.length) this.#orphans.push(slot);
  }

  /** Say which instances are the roots, in order. */
  setRoots(references: readonly Reference[]): void {
    const now = this.#links(this.base.plan.root.typename, references, this.#roots);
    this.#relink(ROOTS, this.#roots, now);
    this.#roots = now;
  }

  /**
   * Return the new version; the old one where nothing changed.
   *
   * @throws GapError when an instance is linked that was never put.
   */
  finish(): Graph {
    this.#dropOrphans();
    const order = this.#fromTheTop();
    for (let place = order.length - 1; place >= 0; place -= 1) this.#build(order[place] as Slot);
    const { base } = this;
    const values = this.#list(this.#roots, base.roots, base.values);
    if (!this.#ownPages.size && values === base.values) return base;
    const { plan, slots } = base;
    return compact({
      plan,
      slots,
      pages: this.#pages,
      size: this.#size,
      roots: this.#roots,
      values,
    });
  }

  #get(slot: Slot): Node | undefined {
    return this.#pages[slot >> PAGE_BITS]?.[slot & PAGE_MASK];
  }

  #set(slot: Slot, node: Node | undefined): void {
    const number = slot >> PAGE_BITS;
    if (!this.#ownPages.has(number)) {
      this.#ownPages.add(number);
      this.#pages[number] = this.#pages[number]?.slice() ?? [];
    }
    (this.#pages[number] as (Node | undefined)[])[slot & PAGE_MASK] = node;
  }

  #slotOf(typename: string, id: string): Slot {
    const { slots } = this.base;
    const key = keyOf(typename, id);
    let slot = slots.get(key);
    if (slot === undefined) {
      slot = slots.size;
      slots.set(key, slot);
    }
    return slot;
  }

  /** Return the slots of *references*; the list *old* itself where they are the same. */
  #links(typename: string, references: readonly Reference[], old: readonly Slot[]) {
    const links: Slot[] = new Array(references.length);
    let at = 0; // in the old list: looking a name up costs more than comparing it
    let isSame = references.length === old.length;
    for (let place = 0; place < references.length; place += 1) {
      const { id } = references[place] as Reference;
      if (this.#isAt(old[at], id)) {
        links[place] = old[at++] as Slot;
      } else if (this.#isAt(old[at + 1], id)) {
        links[place] = old[at + 1] as Slot;
        at += 2;
      } else {
        links[place] = this.#slotOf(typename, id);
      }
      isSame &&= links[place] === old[place];
    }
    return isSame ? old : links;
  }

  #isAt(slot: Slot | undefined, id: string): boolean {
    return slot !== undefined && this.#get(slot)?.value?.id === id;
  }

  /** Count the links of *parent* anew, where they differ. */
  #relink(parent: Slot, old: readonly Slot[], now: readonly Slot[]): void {
    if (old === now) return;
    if (!old.length) {
      for (const slot of now) this.#parentsOf(slot).push(parent);
      return;
    }
    let start = 0;
    let oldEnd = old.length;
    let nowEnd = now.length;
    while (start < oldEnd && start < nowEnd && old[start] === now[start]) start += 1;
    while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
      oldEnd -= 1;
      nowEnd -= 1;
    }
    const gone = new Map<Slot, number>();
    for (let place = start; place < oldEnd; place += 1) {
      const slot = old[place] as Slot;
      gone.set(slot, (gone.get(slot) ?? 0) + 1);
    }
    for (let place = start; place < nowEnd; place += 1) {
      const slot = now[place] as Slot;
      const count = gone.get(slot) ?? 0;
      if (count) gone.set(slot, count - 1);
      else this.#parentsOf(slot).push(parent);
    }
    for (const [slot, count] of gone) {
      for (let left = count; left > 0; left -= 1) this.#unlink(slot, parent);
    }
  }

  #unlink(slot: Slot, parent: Slot): void {
    const parents = this.#parentsOf(slot);
    const place = parents.lastIndexOf(parent);
    const last = parents.pop() as Slot;
    if (place < parents.length) parents[place] = last;
    if (!parents.length) this.#orphans.push(slot);
  }

  /** Return the parents of *slot*, to be changed; what was not told yet holds a place. */
  #parentsOf(slot: Slot): Slot[] {
    const node = this.#get(slot) ?? this.#unknown;
    if (this.#ownParents.has(slot)) return node.parents as Slot[];
    this.#ownParents.add(slot);
    const parents = [...node.parents];
    this.#set(slot, { ...node, parents });
    return parents;
  }

  #dropOrphans(): void {
    for (let slot = this.#orphans.pop(); slot !== undefined; slot = this.#orphans.pop()) {
      const node = this.#get(slot);
      if (!node || node.parents.length) continue;
      this.#set(slot, undefined);
      this.#changed.delete(slot);
      this.#ownParents.delete(slot);
      if (node.value) this.#size -= 1;
      for (const links of node.links) for (const child of links) this.#unlink(child, slot);
    }
  }

  /** Return what has to be made anew: every instance after all that lead to it. */
  #fromTheTop(): Slot[] {
    const order: Slot[] = [];
    const seen = new Set<Slot>([ROOTS]);
    const visit = (slot: Slot): void => {
      if (seen.has(slot)) return;
      seen.add(slot);
      for (const parent of this.#get(slot)?.parents ?? NONE) visit(parent);
      order.push(slot);
    };
    for (const slot of this.#changed) visit(slot);
    return order;
  }

  /** Make the nested value of *slot*; those below it are made already. */
  #build(slot: Slot): void {
    const node = this.#get(slot) as Node;
    const before = nodeAt(this.base, slot);
    const { binding } = this.base.plan;
    const value: Record<string, unknown> = binding
      ? Object.assign(binding.instance(node.layer), node.value)
      : { ...node.value };
    node.layer.relations.forEach((relation, position) => {
      const { name, many } = relation;
      if (value[name] === undefined) return;
      const links = node.links[position] ?? NONE;
      if (!many) {
        value[name] = links.length ? this.#valueOf(links[0] as Slot) : null;
        return;
      }
      const old = before?.value?.[name] as readonly Instance[] | undefined;
      const list = this.#list(links, before?.links[position], old ?? NONE);
      if (list !== old) binding?.list(node.layer, value.id as string, relation, list);
      value[name] = list;
    });
    this.#set(slot, { ...node, value: value as Instance });
  }

  /** Return the values of *links*; the list *old*, of *before*, itself where they are the same. */
  #list(
    links: readonly Slot[],
    before: readonly Slot[] | undefined,
    old: readonly Instance[],
  ): readonly Instance[] {
    if (links !== before) return links.map((slot) => this.#valueOf(slot));
    let values = old;
    for (let place = 0; place < links.length; place += 1) {
      const value = this.#valueOf(links[place] as Slot);
      if (value === old[place]) continue;
      if (values === old) values = old.slice();
      (values as Instance[])[place] = value;
    }
    return values;
  }

  #valueOf(slot: Slot): Instance {
    const value = this.#get(slot)?.value;
    if (!value) throw new GapError(`${nameOf(this.base, slot)} is linked, but was never told`);
    return value;
  }
}

function nameOf({ slots }: Graph, wanted: Slot): string {
  for (const [name, slot] of slots) if (slot === wanted) return name;
  return 'An instance';
}

function sameLists(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.every((item, place) => item === others[place]);
}

function sameFields(layer: LayerPlan, value: Instance, row: Instance): boolean {
  for (const name in row) {
    const position = layer.positions.get(name);
    const isSame =
      position === undefined
        ? sameJson(value[name], row[name])
        : (value[name] == null) === (row[name] == null);
    if (!isSame) return false;
  }
  return true;
}

/** Give slots out anew once most of them stand for what is gone. */
function compact(graph: Graph): Graph {
  if (graph.slots.size < 2 * graph.size + 1024) return graph;
  const slots = new Map<string, Slot>();
  const moved = new Map<Slot, Slot>([[ROOTS, ROOTS]]);
  for (const [key, slot] of graph.slots) {
    if (!nodeAt(graph, slot)) continue;
    moved.set(slot, slots.size);
    slots.set(key, slots.size);
  }
  const move = (list: readonly Slot[]) => list.map((slot) => moved.get(slot) as Slot);
  const pages: (Node | undefined)[][] = [];
  for (const [slot, now] of moved) {
    const node = nodeAt(graph, slot);
    if (!node) continue;
    const number = now >> PAGE_BITS;
    pages[number] ??= [];
    pages[number][now & PAGE_MASK] = {
      ...node,
      links: node.links.map(move),
      parents: move(node.parents),
    };
  }
  return { ...graph, slots, pages, roots: move(graph.roots) };
}
