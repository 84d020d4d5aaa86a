/** Builds the page into the Python package; file names are fixed, so that changes can be read. */

import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Modules of others that ours stand in for, wherever they are imported. */
const REPLACED: Readonly<Record<string, string>> = {
  'monaco-editor/esm/vs/editor/edcore.main.js': here('src/editorCore.ts'),
  'prettier/standalone': here('src/format.ts'),
  'prettier/plugins/estree': here('src/empty.ts'),
  'prettier/parser-babel': here('src/empty.ts'),
};

function replace(): Plugin {
  return {
    name: 'rxgraph-replace',
    enforce: 'pre',
    resolveId: (source, importer) =>
      importer?.startsWith(here('src')) ? null : (REPLACED[source] ?? null),
  };
}

const names = (prefix: string) => ({
  entryFileNames: `${prefix}[name].js`,
  chunkFileNames: `${prefix}[name].js`,
  assetFileNames: `${prefix}[name][extname]`,
});

export default defineConfig({
  root: here('.'),
  base: './',
  publicDir: here('public'),
  plugins: [replace(), react()],
  worker: {
    format: 'es',
    plugins: () => [replace()],
    rolldownOptions: { output: names('worker-') },
  },
  build: {
    outDir: process.env.RXGRAPH_OUT ?? here('../../rxgraph/serve/explorer/static'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    license: { fileName: 'licenses.md' },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: { explorer: here('src/main.tsx') },
      output: names(''),
      onLog(level, log, handle) {
        // "use no memo" speaks to a compiler that has done its work already.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});
