/** Documents hold several operations; a request carries the one that runs and what it needs. */

import { Kind, type OperationDefinitionNode, parse, print, separateOperations } from 'graphql';

/** What is sent to the server. */
export interface Operation {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
}

/** An operation and what kind it is. */
export interface Chosen {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly operation: Operation;
}

/**
 * Return the operation *name* of *text* alone, with the variables that it declares; text that
 * cannot be parsed as it is, for the server to say what is wrong with it.
 */
export function choose(
  text: string,
  name: string | null | undefined,
  variables: Record<string, unknown> | undefined,
): Chosen {
  let node: OperationDefinitionNode | undefined;
  let query = text;
  try {
    const document = parse(text);
    const operations = document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
    node = operations.find((one) => one.name?.value === name) ?? operations[0];
    if (operations.length > 1 && node?.name) {
      const alone = separateOperations(document)[node.name.value];
      if (alone) query = print(alone);
    }
  } catch {
    node = undefined;
  }
  const declared = new Set(node?.variableDefinitions?.map((one) => one.variable.name.value));
  const given = Object.entries(variables ?? {}).filter(([key]) => !node || declared.has(key));
  return {
    kind: node?.operation ?? 'query',
    operation: {
      query,
      ...(node?.name && { operationName: node.name.value }),
      ...(given.length > 0 && { variables: Object.fromEntries(given) }),
    },
  };
}

/** Return the subscription in *text*: the one that is chosen, else the first. */
export function subscriptionName(
  text: string,
  chosen: string | null | undefined,
): string | undefined {
  try {
    const names = parse(text)
      .definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION)
      .filter((one) => one.operation === 'subscription')
      .map((one) => one.name?.value ?? '');
    return names.find((name) => name === chosen) ?? names[0];
  } catch {
    return undefined;
  }
}
