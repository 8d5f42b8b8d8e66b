/** Nodes are stopped under load, one after the other: no write is lost, none is done twice. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { connect, KvError } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const WORKERS = 16;
const ROUNDS = 2;
/** Leadership (3 s), the disk (5 s), and starting a process on a busy machine. */
const STOP_MILLISECONDS_MAX = 10_000;

/** `kvctl start`, as a supervisor runs it. */
async function start(words: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['build/cli/kvctl.js', 'start', ...words]);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
    child.stderr.on('data', (piece) => {
      said += piece;
      if (said.includes('is up')) resolve();
    });
  });
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

interface Count {
  acknowledged: bigint;
  unknown: bigint;
}

test('nodes that are stopped lose no write and leave no client waiting', async (context) => {
  const root = temporaryFolder();
  const ports = [await freePort(), await freePort(), await freePort()];
  const children: ChildProcess[] = [];
  context.after(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  const wordsOf = (at: number) => [
    '--data',
    `${root}/n${at}`,
    '--listen',
    `127.0.0.1:${ports[at]}`,
  ];
  children[0] = await start([...wordsOf(0), '--init', '--shards', '4']);
  const join = ['--join', `127.0.0.1:${ports[0]}`];
  for (const at of [1, 2]) children[at] = await start([...wordsOf(at), ...join]);
  const kv = await connect(ports.map((port) => `kv://127.0.0.1:${port}`));
  context.after(() => kv.close());
  await kv.set('warm', 1);
  await pause(4000);

  let isOver = false;
  const counts = Array.from({ length: WORKERS }, (): Count => ({ acknowledged: 0n, unknown: 0n }));
  const failures = new Map<string, number>();
  const work = async (count: Count, worker: number) => {
    while (!isOver) {
      try {
        const value = await kv.add(`counter:${worker}`);
        count.acknowledged += 1n;
        const { acknowledged, unknown } = count;
        assert.ok(value >= acknowledged && value <= acknowledged + unknown, `${worker}: ${value}`);
      } catch (error) {
        assert.ok(error instanceof KvError, String(error));
        const what = `${error.code} ${error.outcome}`;
        failures.set(what, (failures.get(what) ?? 0) + 1);
        if (error.outcome === 'unknown') count.unknown += 1n;
      }
    }
  };
  const working = counts.map(work);
  const stops: number[] = [];
  for (let round = 0; round < ROUNDS * ports.length; round++) {
    const at = round % ports.length;
    const child = children[at] as ChildProcess;
    const from = performance.now();
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await exited;
    stops.push(Math.round(performance.now() - from));
    assert.equal(code, 0);
    await pause(500);
    children[at] = await start(wordsOf(at));
    await pause(1500);
  }
  isOver = true;
  await Promise.all(working);
  for (const [worker, { acknowledged, unknown }] of counts.entries()) {
    const value = (await kv.get<bigint | number>(`counter:${worker}`))?.value ?? 0;
    const text = `counter ${worker}: ${value}, acknowledged ${acknowledged}, unknown ${unknown}`;
    assert.ok(BigInt(value) >= acknowledged && BigInt(value) <= acknowledged + unknown, text);
  }
  const total = counts.reduce((sum, { acknowledged }) => sum + acknowledged, 0n);
  const failed = JSON.stringify([...failures]);
  context.diagnostic(`${total} done, failed ${failed}, stops took ${stops.join(', ')} ms`);
  assert.ok(total > 500n);
  assert.ok(Math.max(...stops) < STOP_MILLISECONDS_MAX, stops.join());
  assert.deepEqual([...failures], [], 'a node that stops in order makes no call fail');
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
