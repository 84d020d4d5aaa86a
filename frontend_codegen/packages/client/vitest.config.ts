import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (entry: string) => fileURLToPath(new URL(`src/${entry}/index.ts`, import.meta.url));

/** Generated code imports this package by its name; tests mean the sources. */
const alias = [
  { find: /^@rxgraph\/client$/, replacement: source('core') },
  { find: /^@rxgraph\/client\/graphcache$/, replacement: source('graphcache') },
];

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'core',
          include: ['tests/{codegen,core,graphcache,react}/**/*.test.{ts,tsx}'],
        },
      },
    ],
  },
});
