/** Nodes are killed under load: no acknowledged write is lost, every history is linearizable. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { type Client, connect, KvError, utf8 } from '../../src/index.ts';
import { checkLinearizability } from '../checkers/linearizability.ts';
import { REGISTER } from '../checkers/register.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
} from '../checkers/register-operation.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { NodeCluster } from './node-cluster.ts';

const SHARDS = 4;
const WORKERS = 12;
const KEYS = 6;
const KILLS = 8;

interface Work {
  readonly kv: Client;
  readonly history: RegisterOperation[];
  readonly isOver: () => boolean;
}

async function work({ kv, history, isOver }: Work, client: number): Promise<void> {
  const random = new Random(client);
  const space = kv.space('', { codec: utf8 });
  for (let count = 1; !isOver(); count++) {
    const key = `key-${random.below(KEYS)}`;
    const value = `${client}.${count}`;
    const input: RegisterInput = random.chance(0.4) ? { kind: 'read' } : { kind: 'write', value };
    const invoke = performance.now();
    let output: RegisterOutput | undefined;
    let outcome: RegisterOperation['outcome'] = 'ok';
    try {
      if (input.kind === 'read') {
        output = { kind: 'value', value: (await space.get(key))?.value };
      } else {
        await space.set(key, value);
        output = { kind: 'written' };
      }
    } catch (error) {
      assert.ok(error instanceof KvError, String(error));
      const isCertain = input.kind === 'read' || error.outcome === 'notApplied';
      outcome = isCertain ? 'failed' : 'unknown';
    }
    const end = outcome === 'unknown' ? Number.POSITIVE_INFINITY : performance.now();
    history.push({ client, key, invoke, return: end, input, output, outcome });
  }
}

/** The longest time in which no write of some key succeeded. */
function longestGap(history: readonly RegisterOperation[]): number {
  const written = history.filter(
    ({ outcome, input }) => outcome === 'ok' && input.kind === 'write',
  );
  const keys = new Set(written.map(({ key }) => key));
  const gaps = [...keys].map((key) => {
    const times = written
      .filter((operation) => operation.key === key)
      .map((operation) => operation.return)
      .sort((one, other) => one - other);
    return times.reduce((gap, time, at) => Math.max(gap, time - (times[at - 1] ?? time)), 0);
  });
  return Math.max(...gaps);
}

test('nodes are killed under load, and no acknowledged write is lost', async (context) => {
  const cluster = new NodeCluster(temporaryFolder());
  context.after(() => cluster.end());
  await cluster.grow(SHARDS);
  const kv = await connect(cluster.urls);
  context.after(() => kv.close());
  const history: RegisterOperation[] = [];
  let isOver = false;
  const workers = Array.from({ length: WORKERS }, (_, at) =>
    work({ kv, history, isOver: () => isOver }, at + 1),
  );
  await sleep(4000);
  const random = new Random(7);
  for (let count = 0; count < KILLS; count++) {
    const member = random.pick(cluster.members);
    await cluster.kill(member);
    await sleep(random.between(300, 1500));
    await cluster.start(member);
    await sleep(random.between(300, 1500));
  }
  isOver = true;
  await Promise.all(workers);
  const report = checkLinearizability(history, REGISTER);
  assert.notEqual(report.verdict, 'violation', `${report.key}:\n${report.lines.join('\n')}`);
  const done = history.filter(({ outcome }) => outcome === 'ok').length;
  const lost = history.filter(({ outcome }) => outcome === 'unknown').length;
  const gap = Math.round(longestGap(history));
  const told = `${done} operations, ${lost} of unknown outcome`;
  const text = `${told}, at most ${gap} ms without a write of a key`;
  context.diagnostic(text);
  assert.ok(done > 500, text);
});

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
