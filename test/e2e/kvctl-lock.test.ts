/** `kvctl lock` on a real node: what signals, stops and kills of kvctl leave behind. */

import { deepEqual, equal } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { askLeases, askTickets } from '../../src/admin.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';

const LONG = { timeout: 120_000 };
const FOLDER = temporaryFolder();
let node: LoneNode;

before(async () => {
  node = await LoneNode.start(`${FOLDER}/node`);
}, LONG);

after(() => node.end());

function kvctl(context: TestContext, ...words: readonly string[]): ChildProcess {
  // The options of kvctl come before the command.
  const own = words.includes('--') ? words.indexOf('--') : words.length;
  const all = [...words.slice(0, own), '--url', node.url, ...words.slice(own)];
  const program = ['build/cli/kvctl.js', ...all];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => child.kill('SIGKILL'));
  return child;
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'exit');
  return code;
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resume) => setTimeout(resume, 20));
}

async function queue(): Promise<number> {
  return (await askTickets([node.url])).length;
}

function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
    return state === 'Z' ? undefined : state;
  } catch {
    return undefined;
  }
}

/** A command of a shell and its step, which tells its pid in a file. */
function step(name: string): { readonly words: readonly string[]; readonly pid: () => number } {
  const file = `${FOLDER}/${name}`;
  const inner = `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 300`;
  const pid = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  return { words: ['--', 'sh', '-c', `sh -c '${inner}'; exit $?`], pid };
}

test(
  'a call that is interrupted while it waits leaves the queue at once',
  LONG,
  async (context) => {
    const { words, pid } = step('owner');
    // So long that what is left behind would be seen.
    const owner = kvctl(context, 'lock', 'report', '--ttl', '5m', ...words);
    await until(() => pid() > 0);
    for (const [signal, exit] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
      const waiting = kvctl(context, 'lock', 'report', '--ttl', '5m', '--', 'true');
      const candidate = kvctl(context, 'elect', 'report', '--ttl', '5m', '--', 'true');
      await until(async () => (await queue()) === 3);
      waiting.kill(signal);
      candidate.kill(signal);
      deepEqual(await Promise.all([exitOf(waiting), exitOf(candidate)]), [exit, exit]);
      equal(await queue(), 1);
    }
    owner.kill('SIGINT');
    deepEqual([await exitOf(owner), stateOf(pid())], [130, undefined]);
    equal(await queue(), 0);
    const alive = (await askLeases([node.url])).filter(({ isEnded }) => !isEnded);
    deepEqual(alive, []);
  },
);

test('a command goes with its kvctl, also if that is killed', LONG, async (context) => {
  const { words, pid } = step('killed');
  const owner = kvctl(context, 'lock', 'report', '--ttl', '5s', ...words);
  await until(() => pid() > 0);
  owner.kill('SIGKILL');
  await until(() => stateOf(pid()) === undefined);
});

test('a command is stopped with its kvctl, and goes on with it', LONG, async (context) => {
  const { words, pid } = step('stopped');
  const owner = kvctl(context, 'lock', 'stops', ...words);
  await until(() => pid() > 0);
  owner.kill('SIGTSTP');
  await until(() => stateOf(owner.pid ?? 0) === 'T' && stateOf(pid()) === 'T');
  owner.kill('SIGCONT');
  await until(() => stateOf(pid()) === 'S');
  owner.kill('SIGTERM');
  equal(await exitOf(owner), 143);
});

test(
  'a command does not go on if its lock was lost while it was stopped',
  LONG,
  async (context) => {
    const { words, pid } = step('lost');
    const owner = kvctl(context, 'lock', 'lost', '--ttl', '1s', ...words);
    await until(() => pid() > 0);
    owner.kill('SIGTSTP');
    await until(() => stateOf(pid()) === 'T');
    await until(async () => (await queue()) === 0);
    owner.kill('SIGCONT');
    deepEqual([await exitOf(owner), stateOf(pid())], [75, undefined]);
  },
);

test('a watch that is interrupted ends with the code of the signal', LONG, async (context) => {
  const watch = kvctl(context, 'watch', '--prefix', 'a');
  let notes = '';
  watch.stderr?.on('data', (piece) => {
    notes += piece;
  });
  await until(() => notes.includes('up to date'));
  watch.kill('SIGINT');
  equal(await exitOf(watch), 130);
});
