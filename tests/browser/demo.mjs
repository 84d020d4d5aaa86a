/**
 * The demo page in two browsers: four boards, two on Apollo Client and two on urql, which show the
 * same after edits, offline time, a restart of the server and a refused write.
 */

import assert from 'node:assert/strict';
import { assertStayedHome, host, keep, open, options, run } from './browser.mjs';

const PANES = ['apollo', 'urql'];

await run(async () => {
  const [one, two] = [await open(), await open({ colorScheme: 'dark' })];
  const pages = [one.page, two.page];
  for (const page of pages) {
    await page.goto(options.url);
    for (const name of PANES) await light(page, name, 'Live');
  }
  const [apollo, urql] = PANES.map((name) => pane(one.page, name));
  const far = pane(two.page, 'urql');
  await converge(pages);
  await keep(one.page, 'demo-light');
  await keep(two.page, 'demo-dark');

  // Presence: each sees who else is there, and may wave.
  for (const page of pages) {
    await pane(page, 'apollo').getByRole('button', { name: 'Wave at Grace Hopper' }).waitFor();
    await pane(page, 'urql').getByRole('button', { name: 'Wave at Ada Lovelace' }).waitFor();
  }
  await far.getByRole('button', { name: 'Wave at Ada Lovelace' }).click();
  await apollo.getByText('Grace Hopper waves at you').waitFor();
  assert.equal(await urql.getByText('Grace Hopper waves at you').count(), 0);

  // The list of projects is live, and searched by the server; choosing one shows it in both panes.
  await urql.getByRole('button', { name: 'Projects' }).click();
  const names = urql.locator('.menu-name');
  await names.filter({ hasText: 'Pocket timetable' }).waitFor();
  assert.equal(await names.count(), 3); // Grace has no part in the fourth
  await urql.getByRole('searchbox', { name: 'Search projects' }).fill('printers');
  await until(async () => (await names.count()) === 1);
  await keep(one.page, 'demo-projects');
  await names.filter({ hasText: 'Warehouse label printers' }).click();
  await apollo.getByText('Ada Lovelace takes no part in this project').waitFor();
  await urql.getByRole('button', { name: 'Name of the project: Warehouse' }).waitFor();
  await keep(one.page, 'demo-forbidden');
  await apollo.getByRole('button', { name: 'Projects' }).click();
  await apollo.locator('.menu-item', { hasText: 'Harbour Museum website' }).click();
  await converge(pages);

  // Create.
  await apollo.getByRole('region', { name: 'To do' }).getByRole('button', { name: 'Add a task' }).click();
  await one.page.keyboard.type('Order more chairs');
  await one.page.keyboard.press('Enter');
  await one.page.keyboard.press('Escape');
  await converge(pages, (board) => board.TODO.includes('Order more chairs'));

  // Drag from column to column, over urql.
  await drag(far, 'Order more chairs', 'In progress', 0);
  await converge(pages, (board) => board.IN_PROGRESS[0] === 'Order more chairs');

  // Reorder within a column, by keyboard.
  const before = (await read(pages[0]))[0].DONE;
  await card(urql, before[0]).focus();
  await one.page.keyboard.press('Alt+ArrowDown');
  await converge(pages, (board) => board.DONE[1] === before[0] && board.DONE[0] === before[1]);

  // The details: a title, a step, a comment, a note that stays private.
  await card(apollo, 'Choose a ticket provider').click();
  const panel = apollo.getByRole('complementary');
  await panel.getByRole('button', { name: 'Title: Choose a ticket provider' }).click();
  await one.page.keyboard.type('Sign with the ticket provider');
  await one.page.keyboard.press('Enter');
  await panel.getByRole('button', { name: 'Add a step' }).click();
  await one.page.keyboard.type('Tell the desk');
  await one.page.keyboard.press('Enter');
  await one.page.keyboard.press('Escape');
  await panel.getByRole('checkbox', { name: 'Tell the desk' }).check();
  await panel.getByRole('textbox', { name: 'Write a comment' }).fill('Signed this morning.');
  await one.page.keyboard.press('Enter');
  await panel.getByText('Signed this morning.').waitFor();
  await panel.getByRole('button', { name: 'Add a private note' }).click();
  await one.page.keyboard.type('The discount was 25 %.');
  await one.page.keyboard.press('Enter');
  await panel.getByText('The discount was 25 %.').waitFor();
  const assignee = panel.getByRole('combobox', { name: 'Assignee' });
  await assignee.selectOption({ label: 'Nobody yet' });
  const hers = card(urql, 'Sign with the ticket provider').getByRole('img', { name: 'Grace Hopper' });
  await until(async () => (await hers.count()) === 0);
  await assignee.selectOption({ label: 'Grace Hopper' });
  await urql.getByText('“Sign with the ticket provider” is yours now').waitFor();
  await converge(pages, (board) => board.DONE.includes('Sign with the ticket provider'));
  await card(far, 'Sign with the ticket provider').click();
  const opposite = far.getByRole('complementary');
  await opposite.getByText('Signed this morning.').waitFor();
  assert(await opposite.getByRole('checkbox', { name: 'Tell the desk' }).isChecked());
  assert.equal(await opposite.getByText('The discount was 25 %.').count(), 0);
  await keep(one.page, 'demo-details');
  await opposite.getByRole('button', { name: 'Close' }).click();
  await panel.getByRole('button', { name: 'Close' }).click();

  // Offline: one pane misses what happens, and gets just that when it is back.
  const [seen] = await read(one.page);
  await apollo.getByRole('button', { name: 'Pull the plug' }).click();
  await light(one.page, 'apollo', 'Offline');
  await drag(far, 'Order more chairs', 'Review', 1);
  await converge([two.page], (board) => board.REVIEW[1] === 'Order more chairs');
  assert.deepEqual((await read(one.page))[0], seen);
  await keep(one.page, 'demo-offline');
  one.log.frames.length = 0;
  await apollo.getByRole('button', { name: 'Plug in again' }).click();
  await light(one.page, 'apollo', 'Live');
  await converge(pages, (board) => board.REVIEW[1] === 'Order more chairs');
  const again = one.log.frames.find(({ sent }) => sent?.type === 'subscribe').sent;
  assert(again.payload.variables.after, 'it came back without its cursor');
  const [event] = one.log.frames.filter(({ got }) => got?.type === 'next' && got.id === again.id);
  assert.equal(event.got.payload.data.project.kind, 'DELTA');

  // The server is deployed anew.
  await host('stop');
  for (const page of pages) for (const name of PANES) await light(page, name, 'Reconnecting');
  await keep(two.page, 'demo-reconnecting');
  await host('start');
  for (const page of pages) for (const name of PANES) await light(page, name, 'Live');
  await drag(apollo, 'Order more chairs', 'Done', 0);
  await converge(pages, (board) => board.DONE[0] === 'Order more chairs');

  // A server that refuses: shown at once, and taken back to where it was.
  await server(one.page, 'The server refuses every write');
  const [held] = await read(one.page);
  await drag(urql, 'Order more chairs', 'To do', 0);
  await urql.getByText('Taken back.').waitFor();
  await keep(one.page, 'demo-refused');
  await converge(pages, (board) => sameBoard(board, held));

  // A server that is slow: shown here at once, elsewhere when it is done.
  await server(one.page, 'Writes reach the server 1.5 s late');
  const dropped = await drag(urql, 'Order more chairs', 'To do', 0);
  const [there, here] = await read(one.page);
  if (Date.now() - dropped < 1000) {
    // On a machine that is slow itself there is nothing to see.
    assert.equal(here.TODO[0], 'Order more chairs');
    assert.equal(there.DONE[0], 'Order more chairs');
  }
  await converge(pages, (board) => board.TODO[0] === 'Order more chairs');
  await server(one.page, 'The server works as ever');

  // Delete.
  await card(far, 'Order more chairs').hover();
  await far.getByRole('button', { name: 'Delete Order more chairs' }).click();
  const board = await converge(pages, ({ TODO }) => !TODO.includes('Order more chairs'));
  assert.deepEqual(board, await host('board'));

  const [first] = one.log.problems.filter((text) => !/WebSocket connection|ERR_CONNECTION/.test(text));
  assert.equal(first, undefined);
  return { requests: assertStayedHome(one.log) + assertStayedHome(two.log) };
});

function pane(page, name) {
  return page.locator(`.pane-${name}`);
}

function card(region, title) {
  return region.locator('[data-card]').filter({ hasText: title }).first();
}

async function light(page, name, text) {
  await pane(page, name).locator('output.light', { hasText: text }).waitFor();
}

async function server(page, title) {
  const answered = page.waitForResponse((response) => response.url().endsWith('/demo/server'));
  await page.getByRole('radio', { name: title }).check({ force: true });
  assert.equal((await answered).status(), 200);
}

/** Drag a card to a place in a column, as a hand does; return when it was let go. */
async function drag(region, title, column, index) {
  const page = region.page();
  const from = await card(region, title).boundingBox();
  const target = region.getByRole('region', { name: column });
  const cards = target.locator('[data-card]').filter({ hasNotText: title });
  const box = await target.locator('[data-column]').boundingBox();
  const below = index > 0 ? await cards.nth(index - 1).boundingBox() : null;
  const y = below ? below.y + below.height - 4 : box.y + 2;
  await page.mouse.move(from.x + from.width / 2, from.y + 12);
  await page.mouse.down();
  await page.mouse.move(from.x + from.width / 2 + 12, from.y + 20, { steps: 3 });
  await page.mouse.move(box.x + box.width / 2, y, { steps: 8 });
  const dropped = Date.now();
  await page.mouse.up();
  return dropped;
}

/** Return what each pane of a page shows: column to titles. */
function read(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('.pane')].map((pane) =>
      Object.fromEntries(
        [...pane.querySelectorAll('[data-column]')].map((column) => [
          column.dataset.column,
          [...column.querySelectorAll('.card-title')].map((title) => title.textContent),
        ]),
      ),
    ),
  );
}

async function until(holds) {
  const deadline = Date.now() + (options.patience);
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`In vain: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function sameBoard(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Wait until all panes show the same board, and one that is *right*; return it. */
async function converge(pages, right = () => true) {
  const deadline = Date.now() + (options.patience);
  let boards = [];
  while (Date.now() < deadline) {
    boards = (await Promise.all(pages.map(read))).flat();
    const [first, ...others] = boards;
    if (others.every((board) => sameBoard(board, first)) && right(first)) return first;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The boards stay apart: ${JSON.stringify(boards, null, 1)}\n${right}`);
}
