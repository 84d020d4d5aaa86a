import { type ConstDirectiveNode, valueFromASTUntyped } from 'graphql';

interface Directed {
  readonly astNode?: { readonly directives?: readonly ConstDirectiveNode[] } | null | undefined;
}

/** Return the arguments of a directive on a type or field of the schema; null: it has none. */
export function readDirective(of: Directed, name: string): Record<string, unknown> | null {
  const found = of.astNode?.directives?.find((directive) => directive.name.value === name);
  if (!found) return null;
  return Object.fromEntries(
    (found.arguments ?? []).map(({ name: key, value }) => [key.value, valueFromASTUntyped(value)]),
  );
}
