import { type DocumentNode, Kind, type OperationTypeNode } from 'graphql';

/** One operation of the documents. */
export interface OperationFact {
  readonly name: string;
  readonly kind: `${OperationTypeNode}`;
  /** The root field, of an operation that has only one. */
  readonly field: string | null;
}

/** Return every named operation of the documents. */
export function operationsOf(documents: readonly DocumentNode[]): OperationFact[] {
  return documents.flatMap(({ definitions }) =>
    definitions.flatMap((definition) => {
      if (definition.kind !== Kind.OPERATION_DEFINITION || !definition.name) return [];
      const [only, ...others] = definition.selectionSet.selections;
      const field = only?.kind === Kind.FIELD && others.length === 0 ? only.name.value : null;
      return [{ name: definition.name.value, kind: definition.operation, field }];
    }),
  );
}

/**
 * Return the name of the operation that makefrontend wrote for a root field. It is called *name*,
 * or *name* and `Query` where another operation has that name; those of the project itself may
 * select the same field.
 *
 * @throws Error when there is none.
 */
export function findOperation(
  operations: readonly OperationFact[],
  kind: OperationFact['kind'],
  field: string,
  name: string,
): string {
  const written = new RegExp(`^${name}(Query)*$`);
  const found = operations
    .filter((one) => one.kind === kind && one.field === field && written.test(one.name))
    .sort((one, other) => one.name.length - other.name.length)[0];
  if (!found) {
    throw new Error(
      `The documents have no ${kind} ${name} of ${field}; add the operations/*.graphql that \`manage.py makefrontend\` writes, and run it when channels have changed`,
    );
  }
  return found.name;
}
