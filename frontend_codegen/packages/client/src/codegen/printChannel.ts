import { findOperation, type OperationFact } from './findOperation.js';
import { lowerFirst, upperFirst } from './lettering.js';
import type { ChannelModel, WriteModel } from './model.js';
import { Code, printKey, printValue } from './printValue.js';

/** The names of one channel in the generated file. */
export interface ChannelNames {
  /** `projectChannel` */
  readonly descriptor: string;
  /** `ProjectChannelTypes` */
  readonly types: string;
  /** `foldProject` */
  readonly fold: string;
}

/** Return the names of a channel in the generated file. */
export function namesOf({ field, typename }: ChannelModel): ChannelNames {
  return {
    descriptor: lowerFirst(typename),
    types: `${typename}Types`,
    fold: `fold${upperFirst(field)}`,
  };
}

/** Return the TypeScript of one channel: its types, its descriptor, its fold. */
export function printChannel(channel: ChannelModel, operations: readonly OperationFact[]): string {
  const names = namesOf(channel);
  const stem = upperFirst(channel.field);
  const query = findOperation(operations, 'query', channel.field, stem);
  const live = findOperation(operations, 'subscription', channel.field, `${stem}Live`);
  const document = (field: string) =>
    new Code(`${findOperation(operations, 'mutation', field, upperFirst(field))}Document`);
  const descriptor = {
    field: channel.field,
    typename: channel.typename,
    many: channel.many,
    root: channel.root,
    layers: channel.layers,
    query: new Code(`${query}Document`),
    subscription: new Code(`${live}Document`),
    writes: mapValues(channel.writes, (writes) =>
      mapValues(writes as Record<string, WriteModel>, ({ field, instance }) => ({
        field,
        instance,
        document: document(field),
      })),
    ),
    actions: mapValues(channel.actions, ({ field }) => ({ field, document: document(field) })),
  };
  return [
    `/** The types of ${channel.typename}${described(channel)} */`,
    `export type ${names.types} = ${printTypes(channel, operations, query, live)};`,
    '',
    `/** ${channel.typename}: hand it to \`useChannel\`. */`,
    `export const ${names.descriptor}: ChannelDescriptor<${names.types}> = ${printValue(descriptor)};`,
    '',
    `/** Reduces the results of ${live} to nested state, for clients without a normalised cache. */`,
    `export const ${names.fold} = /* @__PURE__ */ foldOf(${names.descriptor});`,
  ].join('\n');
}

function printTypes(
  channel: ChannelModel,
  operations: readonly OperationFact[],
  query: string,
  live: string,
): string {
  const tree = `${channel.root}TreeFragment`;
  const entities = mapValues(channel.layers, (_, typename) => `${typename}TreeFragment`);
  const writes = mapValues(channel.writes, (layer, typename) =>
    printType(
      mapValues(layer as Record<string, WriteModel>, ({ input }, verb) => {
        if (verb === 'delete') return 'true';
        const data = input ?? 'object';
        return verb === 'save' ? data : printType(listsOf(channel, typename, data), '      ');
      }),
      '    ',
    ),
  );
  const actions = mapValues(channel.actions, ({ field, arguments: names }) => {
    const name = findOperation(operations, 'mutation', field, upperFirst(field));
    const given = Object.entries(names).map(
      ([key, isOptional]) =>
        `readonly ${printKey(key)}${isOptional ? '?' : ''}: ${name}MutationVariables[${JSON.stringify(key)}]`,
    );
    return printType(
      {
        arguments: given.length === 0 ? 'object' : `{ ${given.join('; ')} }`,
        result: `${name}Mutation[${JSON.stringify(field)}]`,
      },
      '    ',
    );
  });
  return printType(
    {
      variables: `${query}QueryVariables`,
      state: channel.many ? `ReadonlyArray<${tree}>` : tree,
      entities: printType(entities, '  '),
      runtime: channel.hasRuntime
        ? `${live}Subscription[${JSON.stringify(channel.field)}]['runtime']`
        : 'null',
      writes: printType(writes, '  '),
      actions: printType(actions, '  '),
    },
    '',
  );
}

/** The lists in which instances of a layer can be created, each with the type of its input. */
function listsOf(channel: ChannelModel, typename: string, data: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [parent, { relations }] of Object.entries(channel.layers)) {
    for (const [name, { type, many, parentKey }] of Object.entries(relations)) {
      if (type === typename && many && parentKey !== undefined) found[`${parent}.${name}`] = data;
    }
  }
  return found;
}

/** An object type whose members are printed types; without members, one that has none. */
function printType(members: Readonly<Record<string, string>>, indent: string): string {
  const lines = Object.entries(members).map(
    ([key, type]) => `${indent}  readonly ${printKey(key)}: ${type};\n`,
  );
  return lines.length === 0 ? 'object' : `{\n${lines.join('')}${indent}}`;
}

function described({ description }: ChannelModel): string {
  const [line] = (description ?? '').split('\n');
  return line ? `: ${line.replaceAll('*/', '* /')}` : '.';
}

function mapValues<V, R>(
  record: Readonly<Record<string, V>>,
  map: (value: V, key: string) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
