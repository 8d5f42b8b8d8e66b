/** The README's transfer between two shards, verbatim, while nodes are killed. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';

const LONG = { timeout: 180_000 };
const SHARDS = 16;
const NAMES = ['n1', 'n2', 'n3'];
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-bank-'));
const CONFIG = join(FOLDER, 'cluster.config.json');
const KVCTL = resolve('build/cli/kvctl.js');
const KILL_EVERY_MILLISECONDS = 3000;
const DOWN_MILLISECONDS = 1000;

let ports: number[] = [];

function kvctl(...words: readonly string[]): string {
  const env = { ...process.env, RINGKV_CONFIG: CONFIG, RINGKV_TIMEOUT: '30s' };
  return execFileSync(process.execPath, [KVCTL, ...words], { env, encoding: 'utf8' });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      return new Promise<Server>((listening) => {
        const server = createServer();
        server.listen(0, '127.0.0.1', () => listening(server));
      });
    }),
  );
  const free = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return free;
}

/** The example with other paths of the library and of the nodes. */
function example(): string {
  const section = readFileSync('README.md', 'utf8').split('## Transactions')[1] ?? '';
  const text = section.match(/```js\n([\s\S]*?)```/)?.[1] ?? '';
  assert.match(text, /\[7400, 7401, 7402\]/);
  const library = pathToFileURL(resolve('build/src/index.js')).href;
  return text.replace("'ringkv'", `'${library}'`).replace('7400, 7401, 7402', ports.join(', '));
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((done) => child.once('exit', (code) => done(code ?? -1)));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}

before(async () => {
  ports = await freePorts(NAMES.length);
  const nodes = NAMES.map((name, at) => {
    return { name, data: `data/${name}`, listen: `127.0.0.1:${ports[at]}` };
  });
  writeFileSync(CONFIG, JSON.stringify({ settings: { shards: SHARDS }, nodes }));
  kvctl('up');
}, LONG);

after(() => {
  kvctl('down');
  rmSync(FOLDER, { recursive: true, force: true });
}, LONG);

test('the accounts of the example lie in two shards', () => {
  const shards = ['ada', 'grace'].map((name) => {
    return arcOf(keyPosition(new TextEncoder().encode(name)), SHARDS);
  });
  assert.notEqual(shards[0], shards[1]);
});

test('money moves between two shards while nodes are killed, and none is lost', LONG, async () => {
  const program = join(FOLDER, 'bank.mjs');
  writeFileSync(program, example());
  const bank = spawn(process.execPath, [program]);
  let told = '';
  bank.stdout.on('data', (text) => {
    told += String(text);
  });
  bank.stderr.on('data', (text) => {
    told += String(text);
  });
  let isOver = false;
  const exit = ended(bank).then((code) => {
    isOver = true;
    return code;
  });
  let kills = 0;
  for (; !isOver; kills++) {
    await pause(KILL_EVERY_MILLISECONDS);
    const name = NAMES[kills % NAMES.length] ?? '';
    const [pid] = readFileSync(join(FOLDER, 'data', `${name}.pid`), 'utf8').split('\n');
    process.kill(Number(pid), 'SIGKILL');
    await pause(DOWN_MILLISECONDS);
    kvctl('up');
  }
  assert.equal(await exit, 0, told);
  assert.match(told, /^[1-9]\d* moves: -?\d+ \+ -?\d+ = 2000\n$/);
  assert.ok(kills >= 2, 'nodes were killed during the transfers');
  const { transactions } = JSON.parse(kvctl('txn', 'list', '-o', 'json'));
  assert.deepEqual(transactions ?? [], [], 'no transaction is left pending');
});
