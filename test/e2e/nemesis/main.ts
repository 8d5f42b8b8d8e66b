/**
 * `make nemesis`: real nodes and real clients under faults of processes, networks, disks, clocks
 * and members. See README.md.
 *
 *   node build/test/e2e/nemesis/main.js [--minutes=2] [--seed=n] [--only=kill,disk] [--nodes=3]
 *     [--bug=name]
 */

import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomSeed } from '../../../src/base/ambient.ts';
import { type Enclosed, runEnclosed } from './enclosure.ts';
import { chooseFaults } from './faults/all.ts';
import { reportLines, toothless } from './report.ts';
import { Run } from './run.ts';

/** A longer time is split into runs of so many minutes: their histories are checked one by one. */
const RUN_MINUTES_MAX = 5;
/** The exit code after a signal. */
const INTERRUPTED = 130;
const KEPT = /^history-.*\.jsonl$|^report\.txt$|^shared$/;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    nodes: { type: 'string', default: '3' },
    bug: { type: 'string' },
    /** Passed by this program to itself. */
    enclosed: { type: 'string' },
  },
});

interface Wish {
  readonly minutes: number;
  readonly seed: number;
  readonly only: readonly string[];
  readonly nodes: number;
  readonly bug: string | undefined;
}

const wish: Wish = {
  minutes: Number(values.minutes),
  seed: values.seed === undefined ? randomSeed() % 1_000_000 : Number(values.seed),
  only: values.only.split(',').filter((word) => word !== ''),
  nodes: Number(values.nodes),
  bug: values.bug,
};

function wordsOf({ minutes, seed, only, nodes, bug }: Wish): string[] {
  const more = [
    ...(nodes === 3 ? [] : [`--nodes=${nodes}`]),
    ...(bug === undefined ? [] : [`--bug=${bug}`]),
  ];
  const some = only.length === 0 ? [] : [`--only=${only.join(',')}`];
  return [`--minutes=${minutes}`, `--seed=${seed}`, ...some, ...more];
}

async function runAll({ folder, name, ground, signal }: Enclosed): Promise<number> {
  const minutesEach = Math.min(wish.minutes, RUN_MINUTES_MAX);
  const runs = Math.max(1, Math.round(wish.minutes / minutesEach));
  for (let at = 0; at < runs && !signal.aborted; at++) {
    const own = { ...wish, minutes: minutesEach, seed: wish.seed + at };
    if (!(await runOnce(own, { folder, name, ground, signal }))) return 1;
  }
  return signal.aborted ? INTERRUPTED : 0;
}

async function runOnce(own: Wish, enclosed: Enclosed): Promise<boolean> {
  const { folder, name, ground, signal } = enclosed;
  const { faults, impossible } = chooseFaults(own.only, ground, own.nodes);
  const place = join(folder, `seed-${own.seed}`);
  mkdirSync(place);
  const say = (line: string) => {
    console.log(line);
    appendFileSync(join(place, 'report.txt'), `${line}\n`);
  };
  const command = `node build/test/e2e/nemesis/main.js ${wordsOf(own).join(' ')}`;
  say(command);
  if (impossible.length > 0) say(`WITHOUT ${impossible.join(', ')}`);
  if (faults.length === 0) throw new RangeError(`no fault is called ${own.only.join(', ')}`);
  const findings = await new Run({
    folder: place,
    name,
    ground,
    faults,
    seed: own.seed,
    milliseconds: own.minutes * 60_000,
    nodes: own.nodes,
    bug: own.bug,
    say,
    signal,
  }).run();
  for (const line of reportLines(findings)) say(line);
  const idle = toothless(findings.hits);
  if (idle.length > 0) say(`drawn, and never seen to bite: ${idle.join(', ')}`);
  const isSound = findings.violations.length === 0 && idle.length === 0;
  say(isSound ? 'sound' : `NOT SOUND. Again: ${command}`);
  if (!isSound) console.log(`histories and logs are in ${keep(place, own.seed)}`);
  rmSync(place, { recursive: true, force: true });
  return isSound;
}

/** Outside of what is removed. */
function keep(place: string, seed: number): string {
  // The shim's journal of writes is large, and of no use to a reader.
  const filter = (path: string) => !path.endsWith('/journal');
  const kept = mkdtempSync(join(tmpdir(), `ringkv-nemesis-seed-${seed}-`));
  for (const name of readdirSync(place)) {
    if (KEPT.test(name)) cpSync(join(place, name), join(kept, name), { recursive: true, filter });
  }
  return kept;
}

await runEnclosed({
  url: import.meta.url,
  words: wordsOf(wish),
  enclosed: values.enclosed,
  run: runAll,
});
