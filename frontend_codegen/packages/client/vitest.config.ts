import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = fileURLToPath(new URL('src', import.meta.url));

/** Generated code imports this package by its name; tests mean the sources, not what was built. */
const resolve = {
  alias: [
    { find: /^@rxgraph\/client$/, replacement: `${source}/core/index.ts` },
    { find: /^@rxgraph\/client\/(\w+)$/, replacement: `${source}/$1/index.ts` },
  ],
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'core',
          include: ['tests/{core,codegen,graphcache,react}/**/*.test.{ts,tsx}'],
        },
      },
      {
        resolve,
        test: {
          name: 'server',
          include: ['tests/server/**/*.test.{ts,tsx}'],
          globalSetup: 'tests/support/serve.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
