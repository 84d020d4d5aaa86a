import type { LayerDescriptor } from '../core/descriptor.js';

/** Return the fields of a layer that show the input *data*: ids become links to instances. */
export function fieldsOf(
  { inputs, relations }: LayerDescriptor,
  data: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    if (value === undefined) continue;
    const target = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    const relation = target === undefined ? undefined : relations[target];
    if (target === undefined || !relation) {
      found[name] = value;
      continue;
    }
    const link = (id: unknown) => ({ __typename: relation.type, id: String(id) });
    found[target] = Array.isArray(value) ? value.map(link) : value === null ? null : link(value);
  }
  return found;
}
