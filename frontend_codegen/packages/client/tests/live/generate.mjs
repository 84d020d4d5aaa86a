/** Write the schema and the code of the channels of tests: `npm run generate:live`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const here = fileURLToPath(new URL('./', import.meta.url));
const own = join(root, '.venv', 'bin', 'python');
const python = process.env.RXGRAPH_PYTHON ?? (existsSync(own) ? own : 'python3');

const { status } = spawnSync(python, ['-m', 'django', 'makefrontend'], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    DJANGO_SETTINGS_MODULE: 'tests.integration.served_settings',
    DJANGO_SECRET_KEY: 'tests-only',
    TEST_APPS: 'tests.integration.live tests.integration.acting',
    TEST_RXGRAPH: JSON.stringify({ SCHEMA_DIR: join(here, 'schema'), FRONTEND_DIR: here }),
  },
});
process.exitCode = status ?? 1;
