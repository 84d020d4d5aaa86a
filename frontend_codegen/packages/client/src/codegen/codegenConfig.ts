import { plugin } from './plugin.js';
import { scalars } from './scalars.js';

/** Options of {@link codegenConfig}. */
export interface CodegenOptions {
  /**
   * Where `manage.py makefrontend` writes: `RXGRAPH["SCHEMA_DIR"]`, seen from the front end.
   *
   * @defaultValue `"../schema"`
   */
  readonly schemaDir?: string;
  /**
   * The file to generate.
   *
   * @defaultValue `"src/generated/rxgraph.ts"`
   */
  readonly output?: string;
  /** Documents of your own, besides those that makefrontend writes: `["src/**\/*.graphql"]`. */
  readonly documents?: readonly string[];
  /** TypeScript types of scalars that RxGraph does not know, or that you want otherwise. */
  readonly scalars?: Readonly<Record<string, string>>;
}

interface PresetOptions {
  readonly baseOutputDir: string;
  readonly pluginMap: Readonly<Record<string, unknown>>;
  readonly plugins: readonly object[];
}

const PLUGINS = ['typescript-operations', 'typed-document-node'];

/**
 * Return the configuration of GraphQL Code Generator: one file with typed documents, descriptors,
 * folds and what Graphcache needs. The whole `codegen.ts` of a front end is
 * `export default codegenConfig()`.
 */
export function codegenConfig({
  schemaDir = '../schema',
  output = 'src/generated/rxgraph.ts',
  documents = [],
  scalars: own = {},
}: CodegenOptions = {}) {
  return {
    schema: `${schemaDir}/schema.graphql`,
    documents: [`${schemaDir}/operations/*.graphql`, ...documents],
    generates: {
      [output]: {
        preset: { buildGeneratesSection },
        plugins: [...PLUGINS],
        config: {
          strictScalars: true,
          scalars: { ...scalars, ...own },
          enumsAsTypes: true,
          useTypeImports: true,
          immutableTypes: true,
          inlineFragmentTypes: 'combine',
          namingConvention: 'keep',
        },
      },
    },
  };
}

/** Put our plugin behind the two of GraphQL Code Generator, without looking it up by a name. */
function buildGeneratesSection<T extends PresetOptions>(options: T) {
  return [
    {
      ...options,
      filename: options.baseOutputDir,
      plugins: [
        { add: { content: '/* Written by `manage.py makefrontend`; do not edit. */' } },
        ...options.plugins,
        { rxgraph: {} },
      ],
      pluginMap: { ...options.pluginMap, rxgraph: { plugin }, add },
    },
  ];
}

const add = {
  plugin: (_schema: unknown, _documents: unknown, { content }: { readonly content: string }) => ({
    prepend: [content],
    content: '',
  }),
};
