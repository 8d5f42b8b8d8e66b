/**
 * `make nemesis`: real nodes and real clients under faults of processes, networks, disks, clocks
 * and members. See README.md.
 *
 *   node build/test/e2e/nemesis/main.js [--minutes=2] [--seed=n] [--only=kill,disk] [--nodes=3]
 */

import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { randomSeed } from '../../../src/base/ambient.ts';
import { chooseFaults } from './faults/all.ts';
import { canUnshare, enclose, type Ground, survey, sweepShares } from './ground.ts';
import { reportLines, toothless } from './report.ts';
import { Run } from './run.ts';

/** A longer time is cut into runs of so many minutes: their histories are judged one by one. */
const RUN_MINUTES_MAX = 5;
const KEPT = /^history-.*\.jsonl$|^report\.txt$|^shared$/;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    nodes: { type: 'string', default: '3' },
    /** Said by this program to itself. */
    enclosed: { type: 'string' },
  },
});

interface Wish {
  readonly minutes: number;
  readonly seed: number;
  readonly only: readonly string[];
  readonly nodes: number;
}

const wish: Wish = {
  minutes: Number(values.minutes),
  seed: values.seed === undefined ? randomSeed() % 1_000_000 : Number(values.seed),
  only: values.only.split(',').filter((word) => word !== ''),
  nodes: Number(values.nodes),
};

function wordsOf({ minutes, seed, only, nodes }: Wish): string[] {
  const more = nodes === 3 ? [] : [`--nodes=${nodes}`];
  const some = only.length === 0 ? [] : [`--only=${only.join(',')}`];
  return [`--minutes=${minutes}`, `--seed=${seed}`, ...some, ...more];
}

async function outside(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-nemesis-'));
  const program = fileURLToPath(import.meta.url);
  try {
    const enclosure = `--enclosed=${folder}`;
    if (canUnshare()) return await enclose(program, [...wordsOf(wish), enclosure]);
    return await inside(folder, { isEnclosed: false });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    sweepShares(basename(folder));
  }
}

async function inside(folder: string, terms: { readonly isEnclosed: boolean }): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => stopping.abort());
  }
  const ground = survey(folder, terms.isEnclosed);
  for (const what of ground.missing) console.log(`WITHOUT ${what}: this machine has none for us`);
  const minutesEach = Math.min(wish.minutes, RUN_MINUTES_MAX);
  const runs = Math.max(1, Math.round(wish.minutes / minutesEach));
  for (let at = 0; at < runs && !stopping.signal.aborted; at++) {
    const own = { ...wish, minutes: minutesEach, seed: wish.seed + at };
    const isSound = await runOnce({ wish: own, folder, ground, signal: stopping.signal });
    if (!isSound) return 1;
  }
  return stopping.signal.aborted ? 130 : 0;
}

interface Terms {
  readonly wish: Wish;
  readonly folder: string;
  readonly ground: Ground;
  readonly signal: AbortSignal;
}

async function runOnce({ wish: own, folder, ground, signal }: Terms): Promise<boolean> {
  const { faults, impossible, awaited } = chooseFaults(own.only, ground, own.nodes);
  const place = join(folder, `seed-${own.seed}`);
  mkdirSync(place);
  const say = (line: string) => {
    console.log(line);
    appendFileSync(join(place, 'report.txt'), `${line}\n`);
  };
  const command = `node build/test/e2e/nemesis/main.js ${wordsOf(own).join(' ')}`;
  say(command);
  if (impossible.length > 0) say(`WITHOUT ${impossible.join(', ')}`);
  if (awaited.length > 0) say(`only if asked for: ${awaited.join(', ')}`);
  if (faults.length === 0) throw new RangeError(`no fault is called ${own.only.join(', ')}`);
  const findings = await new Run({
    folder: place,
    name: basename(folder),
    ground,
    faults,
    seed: own.seed,
    milliseconds: own.minutes * 60_000,
    nodes: own.nodes,
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
  const kept = mkdtempSync(join(tmpdir(), `ringkv-nemesis-seed-${seed}-`));
  for (const name of readdirSync(place)) {
    if (KEPT.test(name)) cpSync(join(place, name), join(kept, name), { recursive: true });
  }
  return kept;
}

const { enclosed } = values;
process.exitCode = await (enclosed === undefined
  ? outside()
  : inside(enclosed, { isEnclosed: true }));
process.exit();
