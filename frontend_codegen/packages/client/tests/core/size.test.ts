/** The core has no dependencies, and is small. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

const CORE = fileURLToPath(new URL('../../src/core/index.ts', import.meta.url));

/** Bundle an entry point as an application does; return the code and what it imports. */
async function bundle(entry: string) {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        external: (id) => !/^[./]|^\0/.test(id),
      },
    },
  });
  const [output] = [result].flat();
  if (!output || !('output' in output)) throw new Error('nothing was built');
  const [chunk] = output.output;
  return { code: chunk.code, imports: chunk.imports };
}

it('the core imports nothing and has at most 5 KB gzipped', async () => {
  const { code, imports } = await bundle(CORE);
  expect(imports).toEqual([]);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(5 * 1024);
});
