/** The programs of `examples/` on a real cluster, as a reader runs them, and their output. */

import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { askMap } from '../../src/admin.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 120_000 };
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-examples-'));
const SOURCES = readdirSync('examples').filter((name) => name.endsWith('.ts'));
const nodes: ChildNode[] = [];
let url = '';

before(async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  url = `kv://127.0.0.1:${ports[0]}`;
  const config = join(FOLDER, 'cluster.config.json');
  const named = ports.map((port, at) => {
    return { name: `n${at}`, data: `n${at}`, listen: `127.0.0.1:${port}` };
  });
  writeFileSync(config, JSON.stringify({ settings: { shards: 4 }, nodes: named }));
  const starting = named.map(async ({ name }) => {
    nodes.push(await ChildNode.start(['--config', config, '--node', name, '--init']));
  });
  await Promise.all(starting);
  while (!(await isSpread())) await pause(100);
}, LONG);

after(async () => {
  for (const node of nodes) node.kill('SIGKILL');
  await Promise.all(nodes.map(({ exited }) => exited));
  rmSync(FOLDER, { recursive: true, force: true });
}, LONG);

/** Each shard has its three replicas, so that nothing moves while the programs run. */
async function isSpread(): Promise<boolean> {
  const { shards } = await askMap(url);
  return shards.every(({ members }) => {
    return members.length === 3 && members.every(({ isVoter }) => isVoter);
  });
}

class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<number | null>;
  printed = '';
  complaints = '';

  constructor(name: string, ...words: readonly string[]) {
    const path = join('build', 'examples', `${name}.js`);
    // Without what the runner of tests tells its children: `testing` reports for people.
    const env = { ...process.env, RINGKV_URL: url, NODE_TEST_CONTEXT: '' };
    this.child = spawn(process.execPath, [path, ...words], { env });
    this.child.stdout.on('data', (piece) => {
      this.printed += piece;
    });
    this.child.stderr.on('data', (piece) => {
      this.complaints += piece;
    });
    this.#exited = once(this.child, 'close').then(([code]) => code);
  }

  /** Its output after it has ended without an error. */
  async lines(): Promise<readonly string[]> {
    assert.equal(await this.#exited, 0, this.printed + this.complaints);
    return this.printed.trimEnd().split('\n');
  }

  async exitCode(): Promise<number | null> {
    return await this.#exited;
  }

  async until(text: string): Promise<void> {
    while (!this.printed.includes(text)) {
      const { exitCode } = this.child;
      assert.equal(exitCode, null, `it ended with ${exitCode}: ${this.printed}${this.complaints}`);
      await pause(10);
    }
  }

  /** Types a line, as a person does at a terminal. */
  type(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }
}

test('on a cluster and in a process', { ...LONG, concurrency: true }, async (t) => {
  await Promise.all([
    t.test('a session lives while it is used, and ends when it is idle or signed out', sessions),
    t.test('each job is finished once, also that of a worker that crashed', jobs),
    t.test('of a burst so many requests pass as the limit says, in each window', limits),
    t.test('money is neither made nor lost, and the index follows the accounts', transfers),
    t.test('a server learns of edits in their order, and of the last one for sure', configuration),
    t.test('a cron job runs on one machine at a time, and each tick once', cron),
    t.test('instances of a service are known as long as they live', discovery),
    t.test('a note that was saved survives kill -9, and is found by prefix', notes),
    t.test('an application is tested on a cluster in memory', testing),
  ]);
});

async function sessions(): Promise<void> {
  const lines = [...(await new Program('session-store').lines())];
  const [, idle] = lines.splice(5, 1)[0]?.match(/^expired (\d+) ms after the last request$/) ?? [];
  assert.ok(Number(idle) >= 2990, `${idle}: nothing expires early`);
  assert.deepEqual(lines, [
    ...[1, 2, 3, 4, 5].map((request) => `request ${request}: ada`),
    'signed out: must sign in again',
  ]);
}

async function testing(): Promise<void> {
  const lines = await new Program('testing').lines();
  assert.equal(lines.filter((line) => /^ok \d/.test(line)).length, 3, lines.join('\n'));
}

async function jobs(): Promise<void> {
  const lines = await new Program('job-queue').lines();
  assert.deepEqual(lines.slice(0, 2), ['worker 1 claims mail ada', 'worker 1 crashes']);
  assert.equal(lines.at(-1), 'the queue is empty');
  const finished = lines.flatMap(
    (line) => line.match(/^worker [23] finishes mail (.+)$/)?.[1] ?? [],
  );
  assert.deepEqual(finished.sort(), ['ada', 'barbara', 'edsger', 'grace', 'leslie']);
}

async function limits(): Promise<void> {
  const program = new Program('rate-limiter');
  const lines = await program.lines();
  // On a crowded machine the store may be late: then the limiter reports it and lets requests pass.
  const passed = program.complaints.match(/^not limited: /gm)?.length ?? 0;
  assert.equal(lines.length, 2);
  for (const [at, line] of lines.entries()) {
    const form = /^window (\d): ada: (\d+) of 20 requests allowed, grace: 3 of 3 requests allowed$/;
    const [, window, allowed] = line.match(form) ?? [];
    assert.equal(window, `${at + 1}`, line);
    const beyond = Number(allowed) - 5;
    assert.ok(beyond >= 0 && beyond <= passed, `${line}, ${passed} not limited`);
  }
}

async function transfers(): Promise<void> {
  const lines = await new Program('bank-transfer').lines();
  assert.deepEqual(
    lines.map((line) => line.replace(/in \d+ runs/, 'in some runs')),
    [
      'ada has checking and savings, grace has business: 100 + 100 + 100 = 300',
      'three transfers at once, in a circle, in some runs: 100 + 100 + 100 = 300',
      'rent, sent twice and paid once: 90 + 100 + 110 = 300',
      'refused: Error: savings does not have 1000',
      'ada has business and checking and savings, grace has no account',
    ],
  );
}

async function configuration(): Promise<void> {
  const lines = await new Program('live-configuration').lines();
  assert.equal(lines[0], 'checkout on: welcome');
  assert.equal(lines.at(-1), 'checkout off: back on Monday');
  const halfway = ['checkout on: back on Monday', 'checkout off: welcome'];
  assert.ok(
    lines.slice(1, -1).every((line) => halfway.includes(line)),
    lines.join('\n'),
  );
}

async function discovery(): Promise<void> {
  const lines = await new Program('service-discovery').lines();
  // They may lie in two shards, whose changes come in either order.
  assert.deepEqual([...lines].sort(), [
    'calls go to mail-1 and mail-2',
    'mail-1 is at 10.0.0.1:25',
    'mail-1 is gone',
    'mail-2 is at 10.0.0.2:25',
    'mail-2 is gone',
    'no instance is left',
  ]);
  assert.equal(lines.at(-1), 'no instance is left');
}

async function cron(): Promise<void> {
  const lines = await new Program('cron').lines();
  const [first = ''] = lines[0]?.split(' leads') ?? [];
  const second = first === 'machine 1' ? 'machine 2' : 'machine 1';
  const ticks = (machine: string, from: number) =>
    [0, 1, 2].map((more) => `${machine} runs tick ${from + more}`);
  assert.deepEqual(lines, [
    `${first} leads`,
    ...ticks(first, 1),
    `${second} leads`,
    ...ticks(second, 4),
    'no machine leads',
  ]);
}

async function notes(): Promise<void> {
  const folder = join(FOLDER, 'notes');
  const first = new Program('notes', folder);
  await first.until('0 notes\n');
  first.type('Buy milk and bread');
  await first.until('saved\n');
  first.child.kill('SIGKILL');
  await first.exitCode();

  const second = new Program('notes', folder);
  await second.until('1 notes\n');
  const other = new Program('notes', folder);
  assert.equal(await other.exitCode(), 1);
  assert.equal(other.complaints, `the notes in ${folder} are open in another window\n`);
  for (const line of ['Visit Milan', '?MIL', '?mila', '?ilk']) second.type(line);
  second.child.stdin.end();
  const [, saved, ...found] = await second.lines();
  assert.equal(saved, 'saved');
  assert.deepEqual(found.slice(0, 2).sort(), ['Buy milk and bread', 'Visit Milan']);
  assert.deepEqual(found.slice(2), ['Visit Milan', 'nothing found']);
}

test('each program says how to run it and what `unknown` means, and is in the table', () => {
  const table = readFileSync(join('examples', 'README.md'), 'utf8');
  assert.equal(SOURCES.length, 9);
  for (const source of SOURCES) {
    const text = readFileSync(join('examples', source), 'utf8');
    const header = text.slice(0, text.indexOf('*/'));
    assert.ok(header.includes(`node build/examples/${source.replace(/ts$/, 'js')}`), source);
    assert.match(header, /`unknown`/, source);
    assert.match(text, /from 'ringkv';/, source);
    assert.doesNotMatch(text, /from '\.{1,2}\//, `${source} is copied alone`);
    assert.ok(table.includes(`| [${source}](${source}) |`), source);
  }
});
