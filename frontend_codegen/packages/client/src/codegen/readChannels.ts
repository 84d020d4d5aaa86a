import { type GraphQLSchema, getNamedType, isObjectType, isRequiredArgument } from 'graphql';
import { lowerFirst } from './lettering.js';
import type { ChannelModel } from './model.js';
import { readDirective } from './readDirective.js';
import { readLayers } from './readLayers.js';
import { readWrites } from './readWrites.js';

/**
 * Return every channel of a schema, in order of their fields.
 *
 * They are the types that carry `@channel`; their layers carry `@layer`.
 *
 * @throws Error when the schema has no channel: then it is not one that RxGraph wrote.
 */
export function readChannels(schema: GraphQLSchema): ChannelModel[] {
  const found = Object.values(schema.getTypeMap()).flatMap((type) => {
    const directive = isObjectType(type) ? readDirective(type, 'channel') : null;
    return directive ? [{ typename: type.name, description: type.description, directive }] : [];
  });
  if (found.length === 0) {
    throw new Error(
      'The schema has no type with @channel; hand over the schema.graphql that `manage.py makefrontend` writes',
    );
  }
  return found
    .map(({ typename, description, directive }) => {
      const field = directive.field as string;
      const root = directive.state as string;
      const event = getNamedType(schema.getSubscriptionType()?.getFields()[field]?.type);
      const changes = isObjectType(event) && getNamedType(event.getFields().changed?.type);
      if (!isObjectType(event) || !isObjectType(changes)) {
        throw new Error(`${typename} says @channel(field: "${field}"), which is no subscription`);
      }
      const lists = Object.values(changes.getFields());
      const writes = readWrites(schema, field, lists);
      return {
        field,
        typename,
        root,
        many: directive.many === true,
        hasRuntime: 'runtime' in event.getFields(),
        description: description ?? null,
        layers: readLayers(schema, lists, writes),
        writes,
        actions: readActions(schema, field),
      };
    })
    .sort((one, other) => (one.field < other.field ? -1 : 1));
}

/** The mutations that say `@action` of a channel's field. */
function readActions(schema: GraphQLSchema, field: string): ChannelModel['actions'] {
  const actions = Object.values(schema.getMutationType()?.getFields() ?? {}).filter(
    (mutation) => readDirective(mutation, 'action')?.channel === field,
  );
  return Object.fromEntries(
    actions.map(({ name, args }) => {
      const own = args.filter((arg) => arg.name !== 'session');
      const names = own.map((arg) => [arg.name, !isRequiredArgument(arg)]);
      const action = { field: name, arguments: Object.fromEntries(names) };
      return [lowerFirst(name.slice(field.length)), action];
    }),
  );
}
