/** A cluster of real processes, as a user sees it: make up, use it, break it, make down. */

import assert from 'node:assert/strict';
import { type ExecFileException, execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';

const LONG = { timeout: 120_000 };
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-e2e-'));
const CONFIG = join(FOLDER, 'cluster.config.json');
const NAMES = ['n1', 'n2', 'n3'];

interface Ended {
  readonly exit: number;
  readonly data: string;
  readonly notes: string;
}

function call(program: string, words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const environment = { ...process.env, RINGKV_CONFIG: CONFIG, RINGKV_TIMEOUT: '20s' };
    const options = { env: environment, timeout: 100_000 };
    execFile(program, [...words], options, (error: ExecFileException | null, data, notes) => {
      const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exit, data, notes });
    });
  });
}

function make(target: string): Promise<Ended> {
  return call('make', ['--no-print-directory', target, `CONFIG=${CONFIG}`]);
}

function kvctl(...words: readonly string[]): Promise<Ended> {
  const program = join('build', 'cli', 'kvctl.js');
  return call(process.execPath, [program, ...words]);
}

function pidOf(name: string): number {
  return Number(readFileSync(join(FOLDER, 'data', `${name}.pid`), 'utf8').split('\n')[0]);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      return new Promise<Server>((resolve) => {
        const server = createServer();
        server.listen(0, '127.0.0.1', () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

let ports: number[] = [];

before(async () => {
  ports = await freePorts(NAMES.length);
  const nodes = NAMES.map((name, at) => {
    return { name, data: `data/${name}`, listen: `127.0.0.1:${ports[at]}` };
  });
  writeFileSync(CONFIG, JSON.stringify({ settings: { shards: 4 }, nodes }));
}, LONG);

after(async () => {
  await make('down');
  rmSync(FOLDER, { recursive: true, force: true });
}, LONG);

test('a port that is taken is named, and nothing is started', LONG, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(ports[1], '127.0.0.1', resolve));
  const { exit, notes } = await kvctl('up').finally(() => server.close());
  assert.equal(exit, 5, notes);
  assert.match(notes, new RegExp(`n2 127.0.0.1:${ports[1]}  another process listens on this port`));
  assert.match(notes, /Nothing was started/);
});

test('make up starts a healthy cluster, and a second one changes nothing', LONG, async () => {
  const first = await make('up');
  assert.equal(first.exit, 0, first.notes);
  assert.match(first.data, /^HEALTHY {2}can lose 1 of 3 nodes\n/);
  for (const command of ['set greeting hello', 'status', 'up']) {
    assert.ok(first.data.includes(`${command} --config ${CONFIG}`), first.data);
  }
  assert.ok(first.data.includes(`make down CONFIG=${CONFIG}`), first.data);
  const modes = ['n1', 'n1/log', 'n1/state', 'n1.pid', 'n1.log', 'n1/identity'].map((name) => {
    return statSync(join(FOLDER, 'data', name)).mode & 0o077;
  });
  assert.deepEqual(modes, [0, 0, 0, 0, 0, 0], 'only its user may read it');
  const pids = NAMES.map(pidOf);
  const second = await make('up');
  assert.match(second.notes, /all nodes are already running/);
  assert.deepEqual(NAMES.map(pidOf), pids);
  const { exit, data } = await kvctl('status');
  assert.deepEqual([exit, data.split('\n')[0]], [0, 'HEALTHY  can lose 1 of 3 nodes']);
});

test('a value set through one node is visible through every other', LONG, async () => {
  assert.equal((await kvctl('put', 'greeting', 'hello')).exit, 0);
  for (const port of ports) {
    const { data } = await kvctl('get', 'greeting', '--url', `kv://127.0.0.1:${port}`);
    assert.equal(data, 'hello');
  }
  for (let at = 0; at < 20; at++) await kvctl('put', `key:${at}`, String(at));
  assert.equal((await kvctl('count', '--prefix', 'key:')).data, '20\n');
  assert.equal((await kvctl('incr', 'visits', '5')).data, '5\n');
  const { data } = await kvctl('scan', '--prefix', 'key:', '--limit', '3', '--keys');
  assert.equal(data, 'key:0\nkey:1\nkey:10\n');
});

test('a reader may stop early, and the shell takes lines from a pipe', LONG, async () => {
  const program = `"${process.execPath}" build/cli/kvctl.js`;
  const cut = await call('bash', ['-c', `${program} scan --keys | head -1; echo $PIPESTATUS`]);
  assert.deepEqual([cut.data.split('\n')[1], cut.notes], ['0', '']);
  const lines = `printf 'put "in shell" 1\\nget "in shell"\\ngte\\n'`;
  const shell = await call('bash', ['-c', `${lines} | RINGKV_HISTORY=/dev/null ${program} shell`]);
  assert.equal(shell.exit, 0);
  assert.match(shell.data, /ok {2}version \d+\n/);
  assert.match(shell.notes, /did you mean get\?/);
});

test('a stream that cannot be read or written is an error, and stores nothing', LONG, async () => {
  const program = `"${process.execPath}" build/cli/kvctl.js`;
  for (const nothing of ['<&-', '</dev/null']) {
    const put = await call('bash', ['-c', `${program} put nothing - ${nothing}`]);
    assert.equal(put.exit, 2, put.notes);
    assert.match(put.notes, /standard input is closed, or \/dev\/null/);
  }
  assert.equal((await kvctl('get', 'nothing')).exit, 1);
  const empty = await call('bash', ['-c', `printf '' | ${program} put empty -`]);
  assert.equal(empty.exit, 0, 'an empty pipe is an empty value');
  const full = await call('bash', ['-c', `${program} get greeting > /dev/full`]);
  assert.equal(full.exit, 5);
  assert.match(full.notes, /^error output: standard output cannot be written: .*ENOSPC/);
});

test('with one node killed the cluster serves, and status shows the loss', LONG, async () => {
  process.kill(pidOf('n2'), 'SIGKILL');
  for (let at = 0; at < 10; at++) {
    const { exit, notes } = await kvctl('put', `after:${at}`, 'x');
    assert.equal(exit, 0, notes);
  }
  assert.equal((await kvctl('get', 'greeting')).data, 'hello');
  assert.equal((await kvctl('incr', 'visits')).data, '6\n');
  const { exit, data } = await kvctl('status');
  assert.equal(exit, 1, data);
  assert.match(data, /^DEGRADED {2}can lose 0 of 3 nodes\nwhy +n2 \(kv:.*is unreachable/);
});

test(
  'with two nodes killed it is unavailable, and a write reports whether it was applied',
  LONG,
  async () => {
    process.kill(pidOf('n3'), 'SIGKILL');
    const status = await kvctl('status');
    assert.deepEqual([status.exit, status.data.split('\n')[0]], [8, 'UNAVAILABLE']);
    const { exit, notes } = await kvctl('put', 'greeting', 'lost?', '--timeout', '2s');
    assert.ok([3, 6, 7].includes(exit), `exit code ${exit}: ${notes}`);
    assert.match(notes, /^effect: (?:nothing was applied|the outcome is unknown)/m);
  },
);

test('make up restarts killed nodes, with every acknowledged write', LONG, async () => {
  const survivor = pidOf('n1');
  const { exit, data, notes } = await make('up');
  assert.equal(exit, 0, notes);
  assert.match(data, /^HEALTHY/);
  assert.equal(pidOf('n1'), survivor, 'the running node was not restarted');
  assert.equal((await kvctl('count', '--prefix', 'after:')).data, '10\n');
});

test('make down stops exactly what make up started, and may be repeated', LONG, async () => {
  const { exit, notes } = await make('down');
  assert.deepEqual([exit, notes], [0, 'n1 stopped\nn2 stopped\nn3 stopped\n']);
  assert.deepEqual(await Promise.all(ports.map(canListen)), [true, true, true]);
  assert.match((await make('down')).notes, /no node of this local cluster is running/);
  // A pid file of a process that is not ours any more ends no process.
  writeFileSync(join(FOLDER, 'data', 'n1.pid'), `${process.pid}\nanother process\n`);
  assert.match((await make('down')).notes, /no node of this local cluster is running/);
});
