import type { DocumentNode, GraphQLSchema } from 'graphql';
import { operationsOf } from './findOperation.js';
import { namesOf, printChannel } from './printChannel.js';
import { readChannels } from './readChannels.js';

/** What GraphQL Code Generator hands to a plugin, as far as this one looks at it. */
export interface DocumentFile {
  readonly document?: DocumentNode;
}

/**
 * The plugin for GraphQL Code Generator: per channel a typed descriptor and a fold, and what
 * Graphcache shows before the server has answered.
 *
 * It stands behind `typescript-operations` and `typed-document-node` in the same file.
 */
export function plugin(schema: GraphQLSchema, documents: readonly DocumentFile[]) {
  const channels = readChannels(schema);
  const operations = operationsOf(documents.flatMap(({ document }) => document ?? []));
  const isOptimistic = channels.some(({ layers, writes }) =>
    Object.keys(writes).some((typename) => layers[typename]?.optimistic),
  );
  const content = channels.map((channel) => printChannel(channel, operations));
  const imports = ["import { type ChannelDescriptor, foldOf } from '@rxgraph/client';"];
  if (isOptimistic) {
    const all = channels.map((channel) => namesOf(channel).descriptor).join(', ');
    imports.push("import { optimisticOf } from '@rxgraph/client/graphcache';");
    content.push(
      '/** What Graphcache shows before the server has answered: `cacheExchange({ optimistic })`. */\n' +
        `export const optimistic = /* @__PURE__ */ optimisticOf(${all});`,
    );
  }
  return { prepend: imports, content: content.join('\n\n') };
}
