import {
  type GraphQLField,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isListType,
  isNamedType,
  isNonNullType,
} from 'graphql';
import type { LayerDescriptor } from '../core/descriptor.js';

interface Input {
  readonly name: string;
  readonly filled: Record<string, unknown> | null;
}

const ZEROS: Readonly<Record<string, unknown>> = {
  Int: 0,
  Float: 0,
  Boolean: false,
  BigInt: '0',
  Decimal: '0',
  Duration: '00:00:00',
  Time: '00:00:00',
  JSON: null,
};

/**
 * Return what a new instance shows until the server answers, where its creator says nothing: what
 * the server fills in as far as the schema tells, else the emptiest value of the type.
 */
export function emptyValues(
  fields: readonly GraphQLField<unknown, unknown>[],
  layers: ReadonlySet<string>,
  inputs: readonly Input[],
): Pick<LayerDescriptor, 'empty' | 'clocks'> {
  const empty: Record<string, unknown> = {};
  const clocks: string[] = [];
  for (const { name, type } of fields) {
    if (name === 'id') continue;
    const filled = inputs.find((input) => input.name === name && input.filled)?.filled;
    const isRelation = layers.has(getNamedType(type).name);
    if (filled) empty[name] = filled.value;
    else if (!isNonNullType(type)) empty[name] = null;
    else if (isListType(getNullableType(type))) empty[name] = [];
    else if (isClock(type)) clocks.push(name);
    else if (!isRelation) empty[name] = zeroOf(type);
  }
  return { empty, clocks };
}

function isClock(type: GraphQLOutputType): boolean {
  const bare = getNullableType(type);
  return isNamedType(bare) && bare.name === 'DateTime';
}

function zeroOf(type: GraphQLOutputType): unknown {
  const bare = getNamedType(type);
  if (isEnumType(bare)) return bare.getValues()[0]?.name;
  return Object.hasOwn(ZEROS, bare.name) ? ZEROS[bare.name] : '';
}
