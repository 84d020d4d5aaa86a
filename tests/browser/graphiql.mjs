/** GraphiQL at the GraphQL URL: a query, a live subscription and a mutation, with a token. */

import assert from 'node:assert/strict';
import { assertStayedHome, host, keep, open, options, run } from './browser.mjs';

await run(async () => {
  const { page, log } = await open({ colorScheme: 'light' });
  await page.addInitScript(() => {
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  await page.goto(options.url);
  const editor = page.getByRole('region', { name: 'Operation Editor' });
  await editor.locator('.view-line').first().waitFor();
  const response = page.getByRole('region', { name: 'Result Window' });

  // Nobody is signed in yet, and the page says so.
  await execute(page, 'Project');
  await waitForText(response, 'UNAUTHENTICATED');

  await page.getByRole('button', { name: 'Headers' }).click();
  await fill(page, 'Headers', JSON.stringify({ Authorization: `Token ${options.token}` }));
  await page.getByRole('button', { name: 'Variables' }).click();
  await fill(page, 'Variables', JSON.stringify({ projectId: options.project }));

  await execute(page, 'Project');
  await waitForText(response, 'Garden');
  await keep(page, 'graphiql-query');

  await execute(page, 'ProjectLive');
  await waitForText(response, 'SNAPSHOT');
  const init = log.frames.find(({ sent }) => sent?.type === 'connection_init').sent;
  assert.deepEqual(init.payload, { Authorization: `Token ${options.token}` });
  await host('save', { title: 'Dig deeper' });
  await waitForText(response, 'DELTA');
  await waitForText(response, 'Dig deeper');
  await keep(page, 'graphiql-live');
  await page.getByRole('button', { name: 'Stop query (Ctrl-Enter)' }).click();

  // Watched in the panel, a subscription goes on while a mutation runs in the editor.
  await page.getByRole('button', { name: 'Watch the subscription beside your work' }).click();
  const watch = page.getByRole('article', { name: 'ProjectLive' });
  await watch.getByText('SNAPSHOT', { exact: true }).waitFor();
  await watch.getByRole('img', { name: 'live' }).waitFor();
  await page.getByRole('button', { name: 'Show Ready operations' }).click();
  await page.getByRole('button', { name: 'ProjectSaveTask' }).click(); // the token goes along
  await fill(
    page,
    'Variables',
    JSON.stringify({ projectId: options.project, id: String(options.task), data: { title: 'Sow' } }),
  );
  await keep(page, 'graphiql-ready');
  await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).click();
  await waitForText(response, '"title": "Sow"');
  await page.getByRole('button', { name: 'Show Live' }).click();
  await watch.getByText('DELTA', { exact: true }).waitFor();
  await watch.getByText('DELTA', { exact: true }).click();
  await watch.getByText('"title": "Sow"').waitFor();
  assert.equal(await host('title'), 'Sow');
  await keep(page, 'graphiql-watch');

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('button', { name: 'Prettify query (Shift-Ctrl-P)' }).click();
  await keep(page, 'graphiql-dark');
  await watch.getByRole('button', { name: 'Stop' }).click();

  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
  assert.deepEqual(log.problems, []);
  return { requests: assertStayedHome(log) };
});

/** Run one of the operations in the open tab. */
async function execute(page, name) {
  await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).click();
  await page.getByRole('menuitem', { name, exact: true }).click();
}

/** Write into one of the small editors, as somebody who pastes. */
async function fill(page, name, text) {
  const file = { Headers: 'request-headers.json', Variables: 'variables.json' }[name];
  await page.locator(`.monaco-editor[data-uri$="${file}"]`).click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

/** Editors render lines with spaces of their own kind, and only those in view. */
async function waitForText(region, text) {
  const wanted = text.replaceAll(' ', '\u00a0');
  await region.page().waitForFunction(
    ([node, words]) => words.some((word) => node.textContent.includes(word)),
    [await region.elementHandle(), [text, wanted]],
  );
}
