/**
 * Code for the channels of tests: lists, runtime state, actions.
 *
 * `npm run generate:live` writes it anew when the server's schema has changed.
 */
import { codegenConfig } from '../../src/codegen/index.js';

export default codegenConfig({ schemaDir: 'schema', output: 'rxgraph.ts' });
