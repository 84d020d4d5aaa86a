import { codegenConfig } from './packages/client/src/codegen/index.js';

export default codegenConfig({ output: 'generated/rxgraph.ts' });
