import {
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { LayerDescriptor, RelationDescriptor } from '../core/descriptor.js';
import { emptyValues } from './emptyValues.js';
import type { ChannelModel } from './model.js';
import { readDirective } from './readDirective.js';

type Writes = ChannelModel['writes'];

/** Return the layers of a channel, by the lists of its `changed`. */
export function readLayers(
  schema: GraphQLSchema,
  lists: readonly GraphQLField<unknown, unknown>[],
  writes: Writes,
): Record<string, LayerDescriptor> {
  const layers = lists.flatMap(({ name, type }) => {
    const layer = getNamedType(type);
    return isObjectType(layer) ? [{ layer, changes: name }] : [];
  });
  const typenames = new Set(layers.map(({ layer }) => layer.name));
  const found = layers.map(({ layer, changes }) => {
    const directive = readDirective(layer, 'layer') ?? {};
    const fields = Object.values(layer.getFields());
    const related = fields.filter((field) => typenames.has(getNamedType(field.type).name));
    const inputs = inputFields(schema, layer, writes);
    const create = Boolean(writes[layer.name]?.create);
    return [
      layer.name,
      {
        changes,
        relations: Object.fromEntries(
          related.map((field) => [field.name, relationOf(schema, layer, field, writes)]),
        ),
        inputs: Object.fromEntries(
          inputs.flatMap(({ name, sets }) => (sets === null ? [] : [[name, sets]])),
        ),
        ...(create ? emptyValues(fields, typenames, inputs) : { empty: {}, clocks: [] }),
        optimistic: directive.optimistic === true,
        optimisticTimeout: Number(directive.optimisticTimeout ?? 3),
      },
    ] as const;
  });
  return Object.fromEntries(found);
}

function relationOf(
  schema: GraphQLSchema,
  layer: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
  writes: Writes,
): RelationDescriptor {
  const type = getNamedType(field.type).name;
  const many = isListType(getNullableType(field.type));
  const create = writes[type]?.create;
  const parent = create && argumentFields(schema, create.field, 'parent');
  const key = parent?.find((item) => about(item).includes(`${layer.name}.${field.name}`))?.name;
  return {
    type,
    many,
    nullable: !many && !isNonNullType(field.type),
    ...(key === undefined ? {} : { parentKey: key }),
  };
}

/** The fields of a layer's inputs: the relation they set, and what the server fills in. */
function inputFields(schema: GraphQLSchema, layer: GraphQLObjectType, writes: Writes) {
  const { save, create } = writes[layer.name] ?? {};
  const fields = [save, create].flatMap((write) =>
    write ? argumentFields(schema, write.field, 'data') : [],
  );
  return fields.map((field) => {
    const [owner, relation] = (about(field)[0] ?? '').split('.');
    return {
      name: field.name,
      sets: owner === layer.name && relation ? relation : null,
      filled: readDirective(field, 'default'),
    };
  });
}

function argumentFields(
  schema: GraphQLSchema,
  mutation: string,
  argument: string,
): GraphQLInputField[] {
  const field = schema.getMutationType()?.getFields()[mutation];
  const input = getNamedType(field?.args.find(({ name }) => name === argument)?.type);
  return isInputObjectType(input) ? Object.values(input.getFields()) : [];
}

function about(field: GraphQLInputField): readonly string[] {
  return (readDirective(field, 'relation')?.fields as readonly string[] | undefined) ?? [];
}
