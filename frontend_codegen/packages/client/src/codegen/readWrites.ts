import { type GraphQLField, type GraphQLSchema, getNamedType, isObjectType } from 'graphql';
import { upperFirst } from './lettering.js';
import type { ChannelModel, WriteModel, WriteVerb } from './model.js';

const VERBS: readonly WriteVerb[] = ['save', 'create', 'delete'];

/** Return what a channel lets clients write: its mutations are named after verb and layer. */
export function readWrites(
  schema: GraphQLSchema,
  field: string,
  lists: readonly GraphQLField<unknown, unknown>[],
): ChannelModel['writes'] {
  const mutations = schema.getMutationType()?.getFields() ?? {};
  const found: Record<string, Partial<Record<WriteVerb, WriteModel>>> = {};
  for (const typename of lists.map((list) => getNamedType(list.type).name).sort()) {
    for (const verb of VERBS) {
      const mutation = mutations[`${field}${upperFirst(verb)}${upperFirst(typename)}`];
      if (!mutation) continue;
      const data = mutation.args.find(({ name }) => name === 'data');
      found[typename] = {
        ...found[typename],
        [verb]: {
          field: mutation.name,
          instance: verb === 'delete' ? 'deletedId' : instanceField(mutation, typename),
          input: data ? getNamedType(data.type).name : null,
        },
      };
    }
  }
  return found;
}

function instanceField(mutation: GraphQLField<unknown, unknown>, typename: string): string {
  const payload = getNamedType(mutation.type);
  const fields = isObjectType(payload) ? Object.values(payload.getFields()) : [];
  const found = fields.find((field) => getNamedType(field.type).name === typename);
  if (!found) throw new Error(`The payload of ${mutation.name} holds no ${typename}`);
  return found.name;
}
