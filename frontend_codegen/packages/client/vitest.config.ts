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

const served = {
  globalSetup: 'tests/support/serve.ts',
  testTimeout: 60_000,
  hookTimeout: 60_000,
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
      { resolve, test: { ...served, name: 'server', include: ['tests/server/*.test.{ts,tsx}'] } },
      // these stop their server, which therefore is one of their own
      { resolve, test: { ...served, name: 'faults', include: ['tests/faults/*.test.ts'] } },
    ],
  },
});
