/**
 * The runner of the tests: `node build/test/run.js unit [part of a path ...]`, and `e2e` for those
 * that kill real processes. It lists the tests of the source tree, so that what an earlier build
 * left of a deleted test never runs.
 *
 * `unit --brief` is for `make check`: it cuts long searches short (`support/effort.ts`) and leaves
 * out the files that end in `.slow.test.ts`.
 *
 * A run of everything prints a line for each file; a run with parts of paths prints each test. A
 * file that fails prints its failures at once, and the command that repeats it.
 */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { chooseEffort, effortSetting } from './support/effort.ts';
import { type Counts, type FileRun, runFile } from './support/runner/file-run.ts';
import { runGroup } from './support/runner/group-run.ts';
import { groupFiles } from './support/runner/groups.ts';
import { longestFirst, readTimes, writeTimes } from './support/runner/run-times.ts';

const SOURCE_FOLDER = 'test';
const BUILD_FOLDER = 'build';
/** Of the programs that run several files each. */
const GROUP_FOLDER = `${BUILD_FOLDER}/test-groups`;
const PROCESS_FOLDER = 'test/e2e/';
/** Tests that have no shorter form: not in a brief run. */
const SLOW_ENDING = '.slow.test.ts';

/** A file of `e2e` starts three nodes and more, and waits for real disks: no more than two. */
const PROCESS_FILES_AT_ONCE = 2;
/** Some need hundreds of megabytes. Half of the time of all files is waits for timers and disks. */
const FILES_AT_ONCE = Math.min(availableParallelism() * 3, 8);
const SLOWEST_SHOWN = 10;

/** They judge by the time on the wall, so they run one by one when all others have ended. */
const ALONE: readonly string[] = [
  // Calls of two seconds, of which half a second is left after the loop was held.
  'test/client/held-loop.slow.test.ts',
  // Silent nodes cost one timeout together, not one each.
  'test/client/admin.test.ts',
  // Ticks of milliseconds.
  'test/transport/ticker.test.ts',
];

interface Task {
  readonly suite: 'unit' | 'e2e';
  readonly isBrief: boolean;
  readonly filters: readonly string[];
}

function parse(words: readonly string[]): Task {
  const [suite, ...rest] = words;
  const filters = rest.filter((word) => word !== '--brief');
  const isBrief = filters.length < rest.length;
  if (suite === 'unit' || (suite === 'e2e' && !isBrief)) return { suite, isBrief, filters };
  return end('usage: node build/test/run.js unit [--brief]|e2e [part of a path ...]');
}

function listTests({ suite, isBrief, filters }: Task): string[] {
  return readdirSync(SOURCE_FOLDER, { recursive: true, encoding: 'utf8' })
    .map((path) => `${SOURCE_FOLDER}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => path.startsWith(PROCESS_FOLDER) === (suite === 'e2e'))
    .filter((path) => !isBrief || !path.endsWith(SLOW_ENDING))
    .filter((path) => filters.length === 0 || filters.some((filter) => isMeant(path, filter)))
    .sort();
}

/** `test/cli` means the room, not `test/client` as well. */
function isMeant(path: string, filter: string): boolean {
  if (existsSync(filter) && statSync(filter).isDirectory()) {
    return path.startsWith(`${filter.replace(/\/$/, '')}/`);
  }
  return path.includes(filter);
}

function builtFrom(path: string): string {
  return `${BUILD_FOLDER}/${path.replace(/\.ts$/, '.js')}`;
}

function end(problem: string): never {
  console.error(problem);
  process.exit(1);
}

/** Runs all groups, a bounded number of them at once, and tells each file as it ends. */
async function runAll(
  groups: readonly (readonly string[])[],
  groupsAtOnce: number,
  tell: (done: FileRun) => Promise<void>,
): Promise<void> {
  const waiting = groups.map((paths, index) => ({ paths, program: `${GROUP_FOLDER}/${index}.js` }));
  const runOneByOne = async () => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      const [path = ''] = group.paths;
      if (group.paths.length > 1) await runGroup(group, builtFrom, tell);
      else await tell(await runFile(path, builtFrom(path)));
    }
  };
  await Promise.all(Array.from({ length: groupsAtOnce }, runOneByOne));
}

/** In one piece, as other files end meanwhile. */
async function tellFile(task: Task, done: FileRun): Promise<void> {
  const { path, seconds, counts, isFailed } = done;
  const mark = isFailed ? '✖' : '✔';
  const all = counts.passed + counts.failed;
  const tests = isFailed ? `${counts.failed} of ${all} failed` : plural(all);
  const lines = [`${mark} ${path}: ${tests}, ${seconds.toFixed(1)} s`];
  if (task.filters.length > 0) lines.push(await done.report());
  else if (isFailed) lines.push(await done.failures());
  if (isFailed) lines.push(`to repeat it: ${commandFor(task, done)}`);
  if (isFailed && done.groupProgram !== undefined) {
    lines.push(`behind the files of its process: ${groupCommandFor(task, done.groupProgram)}`);
  }
  if (isFailed) lines.push('');
  console.log(lines.join('\n'));
}

function plural(tests: number): string {
  return tests === 1 ? '1 test' : `${tests} tests`;
}

function commandFor(task: Task, { path, groupProgram }: FileRun): string {
  if (path === groupProgram) return groupCommandFor(task, path);
  return `node build/test/run.js ${task.suite} ${task.isBrief ? '--brief ' : ''}${path}`;
}

function groupCommandFor({ isBrief }: Task, program: string): string {
  return `${effortSetting(isBrief ? 'brief' : 'full')} node ${program}`;
}

/** The last line is the sum. */
function tellEnd(task: Task, runs: readonly FileRun[]): void {
  if (task.filters.length === 0) {
    console.log('\nthe slowest files:');
    for (const { path, seconds } of slowest(runs)) {
      console.log(`${seconds.toFixed(1).padStart(7)} s  ${path}`);
    }
  }
  const failed = runs.filter(({ isFailed }) => isFailed);
  if (failed.length > 0) {
    console.log('\nfailed; to repeat:');
    for (const run of failed) console.log(`  ${commandFor(task, run)}`);
  }
  console.log(`${task.suite}: ${total(runs, 'passed')} passed, ${total(runs, 'failed')} failed`);
}

function slowest(runs: readonly FileRun[]): readonly FileRun[] {
  return [...runs].sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST_SHOWN);
}

function total(runs: readonly FileRun[], name: keyof Counts): number {
  return runs.reduce((sum, { counts }) => sum + counts[name], 0);
}

async function main(): Promise<void> {
  const task = parse(process.argv.slice(2));
  const paths = listTests(task);
  if (paths.length === 0) end(`no test matches ${task.filters.join(' ') || SOURCE_FOLDER}`);
  const unbuilt = paths.filter((path) => !existsSync(builtFrom(path)));
  if (unbuilt.length > 0) end(`not built: ${unbuilt.join(', ')}`);

  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps`;
  chooseEffort(task.isBrief ? 'brief' : 'full');
  const timesPath = `${BUILD_FOLDER}/times-${task.suite}${task.isBrief ? '-brief' : ''}.json`;
  const times = new Map(readTimes(timesPath));
  const together = groupFiles(
    paths.filter((path) => !ALONE.includes(path)),
    times,
  );
  const alone = paths.filter((path) => ALONE.includes(path)).map((path) => [path]);
  const groupsAtOnce = task.suite === 'e2e' ? PROCESS_FILES_AT_ONCE : FILES_AT_ONCE;
  const runs: FileRun[] = [];
  const tell = async (done: FileRun) => {
    runs.push(done);
    await tellFile(task, done);
  };
  await runAll(longestFirst(together, times), groupsAtOnce, tell);
  await runAll(alone, 1, tell);
  tellEnd(task, runs);
  for (const { path, seconds } of runs) times.set(path, seconds);
  writeTimes(timesPath, times);
  if (total(runs, 'passed') === 0 || runs.some(({ isFailed }) => isFailed)) process.exitCode = 1;
}

await main();
