/**
 * What an event costs the client: ours beside a full rebuild and RxDjango's StateBuilder.
 *
 *   scripts/bench client [--instances 10000] [--rounds 300] [--json FILE] [--strict]
 *
 * Sides take turns on the same events, and first have to agree; medians and ratios are printed.
 * --strict exits with 1 when a goal is missed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { channel, makeBoard, makeWorks, snapshotOf } from './board.mjs';
import { countRenders } from './renders.mjs';
import { makeOurs, makeRebuild, makeStateBuilder } from './sides.mjs';

const GOAL_MS = 0.2;
const FIRST = 'the first state';
const EDIT = 'a comment is edited';

const { values } = parseArgs({
  options: {
    instances: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '300' },
    json: { type: 'string' },
    strict: { type: 'boolean', default: false },
  },
});
const instances = Number(values.instances);
const rounds = Number(values.rounds);

const sides = { ours: makeOurs, rebuild: makeRebuild, StateBuilder: makeStateBuilder };

const median = (samples) => [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)];
const at = (samples, share) =>
  [...samples].sort((a, b) => a - b)[Math.floor((samples.length - 1) * share)];

function timed(side, event) {
  const begun = performance.now();
  side.receive(event);
  return performance.now() - begun;
}

/** Return samples in milliseconds: work → side → list. */
function measure() {
  const samples = {};
  const take = (work, name, milliseconds) => {
    samples[work] ??= {};
    samples[work][name] ??= [];
    samples[work][name].push(milliseconds);
  };
  const board = makeBoard(instances);
  for (let round = 0; round < 12; round += 1) {
    for (const [name, make] of Object.entries(sides)) {
      const took = timed(make(channel), snapshotOf(board));
      if (round > 1) take(FIRST, name, took); // the first two warm up
    }
  }
  for (const work of Object.keys(makeWorks(board))) {
    const running = Object.entries(sides).map(([name, make]) => {
      const side = make(channel);
      timed(side, snapshotOf(board));
      return [name, side, makeWorks(board)[work]];
    });
    for (let round = 0; round < rounds + 20; round += 1) {
      for (const [name, side, next] of running) {
        const isSlow = name === 'rebuild' && round % 10 !== 0;
        if (isSlow) continue;
        const took = timed(side, next());
        if (round >= 20) take(work, name, took);
      }
    }
  }
  return samples;
}

/** Say how often each side's states are what a full rebuild gives. */
function check() {
  const board = makeBoard(1_000);
  for (const [name, make] of Object.entries(sides)) {
    const side = make(channel);
    const reference = makeRebuild(channel);
    const works = makeWorks(board);
    const mirrored = makeWorks(board);
    side.receive(snapshotOf(board));
    reference.receive(snapshotOf(board));
    for (let round = 0; round < 20; round += 1) {
      for (const work of Object.keys(works)) {
        const one = JSON.stringify(side.receive(works[work]()));
        const other = JSON.stringify(reference.receive(mirrored[work]()));
        if (one !== other) throw new Error(`${name} is wrong after: ${work}`);
      }
    }
  }
}

async function renders() {
  const board = makeBoard(2_000);
  const found = {};
  for (const [name, make] of Object.entries(sides)) {
    const works = makeWorks(board);
    const events = [snapshotOf(board), ...Object.values(works).map((next) => next())];
    const [first, ...rest] = await countRenders(make(channel), events);
    found[name] = { [FIRST]: first };
    Object.keys(works).forEach((work, place) => {
      found[name][work] = rest[place];
    });
  }
  return found;
}

check();
const samples = measure();
const rendered = await renders();
const names = Object.keys(sides);

console.log(`\n${instances} instances, Node ${process.version}; milliseconds, medians\n`);
const cell = (text, width = 18) => String(text).padStart(width);
console.log('work'.padEnd(26) + names.map((name) => cell(name)).join('') + cell('ours, 95 %', 12));
for (const [work, bySide] of Object.entries(samples)) {
  const ours = median(bySide.ours);
  const cells = names.map((name) => {
    const found = median(bySide[name]);
    const ratio = name === 'ours' ? '' : ` (${(found / ours).toFixed(1)}×)`;
    return cell(`${found.toFixed(3)}${ratio}`);
  });
  console.log(work.padEnd(26) + cells.join('') + cell(at(bySide.ours, 0.95).toFixed(3), 12));
}
console.log('\ncomponents rendered, of a page that shows 2,000 instances\n');
for (const work of Object.keys(samples)) {
  const cells = names.map((name) => cell(rendered[name][work]));
  console.log(work.padEnd(26) + cells.join(''));
}

const worst = Math.max(...[EDIT, 'a task is renamed'].map((work) => median(samples[work].ours)));
const isMet = worst <= GOAL_MS;
console.log(
  `\ngoal: one delta in at most ${GOAL_MS} ms: ${worst.toFixed(3)} ${isMet ? 'met' : 'MISSED'}`,
);
if (values.json) writeFileSync(values.json, JSON.stringify({ instances, samples, rendered }));
if (values.strict && !isMet) process.exitCode = 1;
