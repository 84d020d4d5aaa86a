/** Builds the demo page into Django's static files; names are fixed, so that changes can be read. */

import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const client = (name: string): string => here(`../packages/client/src/${name}/index.ts`);

export default defineConfig({
  root: here('.'),
  base: './',
  publicDir: here('public'),
  plugins: [react()],
  resolve: {
    // The client from its sources: nothing has to be built before.
    alias: [
      { find: /^@rxgraph\/client$/, replacement: client('core') },
      { find: /^@rxgraph\/client\/(\w+)$/, replacement: client('$1') },
    ],
    dedupe: ['react', 'react-dom', 'graphql', 'graphql-ws'],
  },
  build: {
    outDir: process.env.RXGRAPH_OUT ?? here('../../channels_app/static/channels_app/board'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 2000,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: { board: here('src/main.tsx') },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name].js',
        assetFileNames: 'board[extname]',
      },
    },
  },
});
