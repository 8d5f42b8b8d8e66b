/** A founder that lost its folder, on real processes: no second cluster, and one history. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
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

const KVCTL = join('build', 'cli', 'kvctl.js');
const NAMES = ['n1', 'n2', 'n3'] as const;
type Name = (typeof NAMES)[number];

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

interface Told {
  readonly exit: number;
  readonly data: string;
  readonly notes: string;
}

/** Nodes that run as a unit file runs them: always with the same arguments. */
class Units {
  readonly folder = temporaryFolder();
  readonly urls: string[] = [];
  readonly #children = new Map<Name, ChildProcess>();
  readonly #config = join(this.folder, 'cluster.config.json');

  async configure(): Promise<void> {
    const nodes: object[] = [];
    for (const name of NAMES) {
      const listen = `127.0.0.1:${await freePort()}`;
      this.urls.push(`kv://${listen}`);
      nodes.push({ name, data: name, listen });
    }
    writeFileSync(this.#config, JSON.stringify({ settings: { shards: 4 }, nodes }));
  }

  /** The first one may found, and has that option at every start. */
  start(name: Name, ...more: readonly string[]): { readonly ended: Promise<Told> } {
    const init = name === 'n1' ? ['--init'] : [];
    const words = [KVCTL, 'start', '--config', this.#config, '--node', name, ...init, ...more];
    const child = spawn(process.execPath, words);
    this.#children.set(name, child);
    let notes = '';
    child.stderr.on('data', (piece) => {
      notes += piece;
    });
    child.stdout.resume();
    const ended = new Promise<Told>((resolve) => {
      child.once('close', (exit) => resolve({ exit: exit ?? -1, data: '', notes }));
    });
    return { ended };
  }

  /** It is killed, and its folder is emptied. */
  async lose(name: Name): Promise<void> {
    await this.kill(name);
    rmSync(join(this.folder, name), { recursive: true });
  }

  async kill(name: Name): Promise<void> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async end(): Promise<void> {
    for (const name of NAMES) await this.kill(name);
  }

  kvctl(...words: readonly string[]): Promise<Told> {
    const options = { timeout: 60_000 };
    return new Promise((resolve) => {
      const all = [KVCTL, ...words, '--config', this.#config];
      execFile(process.execPath, all, options, (error, data, notes) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exit, data, notes });
      });
    });
  }

  /** Repeats until the answer is right; the test's timeout ends it otherwise. */
  async until(isRight: (told: Told) => boolean): Promise<Told> {
    for (;;) {
      const told = await this.kvctl('status', '-o', 'json');
      if (isRight(told)) return told;
      await new Promise((resume) => setTimeout(resume, 300));
    }
  }
}

function clusterIn({ data }: Told): string {
  return (JSON.parse(data) as { readonly cluster: string }).cluster;
}

function nodesIn({ data }: Told): number {
  return (JSON.parse(data) as { readonly nodes?: readonly unknown[] }).nodes?.length ?? 0;
}

interface Work {
  readonly kv: Client;
  readonly history: RegisterOperation[];
  readonly isOver: () => boolean;
}

async function work({ kv, history, isOver }: Work, client: number): Promise<void> {
  const random = new Random(client);
  const space = kv.space('', { codec: utf8 });
  for (let count = 1; !isOver(); count++) {
    const key = `key-${random.below(6)}`;
    const value = `${client}.${count}`;
    const input: RegisterInput = random.chance(0.5) ? { kind: 'read' } : { kind: 'write', value };
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

test('a founder that lost its folder joins its cluster again, and every history is one', {
  timeout: 180_000,
}, async (context) => {
  const units = new Units();
  context.after(() => units.end());
  await units.configure();
  for (const name of NAMES) units.start(name);
  const before = await units.until((told) => told.exit === 0 && nodesIn(told) === 3);

  const history: RegisterOperation[] = [];
  const clients = await Promise.all(units.urls.map((url) => connect([url, ...units.urls])));
  context.after(() => Promise.all(clients.map((kv) => kv.close())));
  let isOver = false;
  const workers = clients.map((kv, at) => work({ kv, history, isOver: () => isOver }, at + 1));
  await new Promise((resume) => setTimeout(resume, 2000));

  await units.lose('n1');
  units.start('n1');
  // Its number is another one, its cluster is the same.
  const after = await units.until((told) => {
    return told.exit <= 1 && told.data.includes('"node":4') && clusterIn(told) !== '';
  });
  assert.equal(clusterIn(after), clusterIn(before));
  await new Promise((resume) => setTimeout(resume, 2000));
  isOver = true;
  await Promise.all(workers);
  const report = checkLinearizability(history, REGISTER);
  assert.notEqual(report.verdict, 'violation', `${report.key}:\n${report.lines.join('\n')}`);
  const done = history.filter(({ outcome }) => outcome === 'ok').length;
  context.diagnostic(`${done} operations`);
  assert.ok(done > 20, `${done} operations`);
});

test('a founder alone refuses to found, and status reports a forced split', {
  timeout: 180_000,
}, async (context) => {
  const units = new Units();
  context.after(() => units.end());
  await units.configure();
  for (const name of NAMES) units.start(name);
  const before = await units.until((told) => told.exit === 0 && nodesIn(told) === 3);

  await units.kill('n2');
  await units.kill('n3');
  await units.lose('n1');
  const alone = await units.start('n1', '--join-timeout', '2s').ended;
  assert.equal(alone.exit, 5, alone.notes);
  assert.match(alone.notes, /waiting for other nodes.*ECONNREFUSED/);
  assert.match(alone.notes, /no cluster was founded.*--force-new-cluster/s);

  const client = await connect(units.urls, { timeout: 5000 }).catch((error: unknown) => error);
  assert.ok(client instanceof KvError && client.code === 'unreachable');

  units.start('n1', '--force-new-cluster');
  units.start('n2');
  units.start('n3');
  const split = await units.until((told) => told.exit === 9);
  assert.match(split.data, /"verdict":"SPLIT"/);
  const text = (await units.kvctl('status')).data;
  assert.match(text, /^SPLIT {2}the nodes belong to different clusters\nwhy +cluster /);
  // A node that knows its cluster never joins the other one.
  const cluster = clusterIn(before);
  const [first = ''] = units.urls;
  const wrong = await units.kvctl('get', 'key', '--url', first, '--cluster', cluster);
  assert.equal(wrong.exit, 3, wrong.notes);
  assert.match(wrong.notes, /^error wrong-cluster: /);
});
