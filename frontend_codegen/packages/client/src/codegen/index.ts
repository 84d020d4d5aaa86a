/** For `codegen.ts`: the configuration of GraphQL Code Generator, and the plugin behind it. */
export { type CodegenOptions, codegenConfig } from './codegenConfig.js';
export { type DocumentFile, plugin } from './plugin.js';
export { scalars } from './scalars.js';
