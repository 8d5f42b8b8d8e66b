/** Machines that lose their disks, and nodes that are drained and removed: real processes. */

import assert from 'node:assert/strict';
import { type ExecFileException, execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';

const LONG = { timeout: 180_000 };
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-membership-'));
const CONFIG = join(FOLDER, 'cluster.config.json');
const PATIENCE_MILLISECONDS = 60_000;
const PAUSE_MILLISECONDS = 300;

interface Ended {
  readonly exit: number;
  readonly data: string;
  readonly notes: string;
}

function kvctl(...words: readonly string[]): Promise<Ended> {
  const program = join('build', 'cli', 'kvctl.js');
  const environment = { ...process.env, RINGKV_CONFIG: CONFIG, RINGKV_TIMEOUT: '20s' };
  return new Promise((resolve) => {
    const options = { env: environment, timeout: 100_000 };
    const done = (error: ExecFileException | null, data: string, notes: string) => {
      const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exit, data, notes });
    };
    execFile(process.execPath, [program, ...words], options, done);
  });
}

async function must(...words: readonly string[]): Promise<string> {
  const { exit, data, notes } = await kvctl(...words);
  assert.equal(exit, 0, `kvctl ${words.join(' ')}: ${data}${notes}`);
  return data + notes;
}

interface Status {
  readonly verdict: string;
  readonly canLose: number;
  readonly reasons: readonly string[];
  readonly nodes: readonly {
    readonly node: number;
    readonly name: string;
    readonly membership: string;
  }[];
  readonly shards: readonly { readonly voters: number[]; readonly leaderNode: number }[];
  readonly moves: readonly object[];
}

/** The status of the cluster, once it is as expected. */
async function until(what: string, isSo: (status: Status) => boolean): Promise<Status> {
  const end = Date.now() + PATIENCE_MILLISECONDS;
  let last = '';
  while (Date.now() < end) {
    last = (await kvctl('status', '-o', 'json')).data;
    const status = JSON.parse(last) as Status;
    if (isSo({ ...status, nodes: status.nodes ?? [], shards: status.shards ?? [] })) return status;
    await new Promise((resume) => setTimeout(resume, PAUSE_MILLISECONDS));
  }
  return assert.fail(`${what}: ${last}`);
}

function pidFile(name: string): string {
  return join(FOLDER, 'data', `${name}.pid`);
}

function logOf(name: string): string {
  return readFileSync(join(FOLDER, 'data', `${name}.log`), 'utf8');
}

/** As a machine ends that loses its power. */
async function kill(name: string): Promise<void> {
  const pid = Number(readFileSync(pidFile(name), 'utf8').split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  rmSync(pidFile(name));
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

async function wipe(name: string): Promise<void> {
  await kill(name);
  rmSync(join(FOLDER, 'data', name), { recursive: true });
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

let ports: readonly number[] = [];

function configure(count: number): void {
  const nodes = ports.slice(0, count).map((port, at) => {
    return { name: `n${at + 1}`, data: `data/n${at + 1}`, listen: `127.0.0.1:${port}` };
  });
  writeFileSync(CONFIG, JSON.stringify({ settings: { shards: 4 }, nodes }));
}

/** Nodes join in any order, so their numbers are not predictable. */
const names = ({ nodes }: Status) =>
  nodes
    .map(({ name }) => name)
    .sort()
    .join();

async function numberOf(name: string): Promise<number> {
  const isThere = ({ nodes }: Status) => nodes.filter((row) => row.name === name).length === 1;
  const { nodes } = await until(`${name} is one node`, isThere);
  return nodes.find((row) => row.name === name)?.node ?? 0;
}

function holders({ nodes, shards }: Status): string[] {
  const nameOf = (node: number) => nodes.find((row) => row.node === node)?.name ?? `${node}`;
  return [...new Set(shards.map(({ voters }) => voters.map(nameOf).sort().join()))];
}

before(async () => {
  ports = await freePorts(4);
  configure(3);
}, LONG);

after(async () => {
  await kvctl('down');
  rmSync(FOLDER, { recursive: true, force: true });
}, LONG);

test('a machine that is wiped twice replaces itself each time', LONG, async () => {
  await must('up');
  for (let at = 0; at < 10; at++) await must('put', `key:${at}`, String(at));
  const isWell = ({ verdict, canLose }: Status) => verdict === 'HEALTHY' && canLose === 1;
  const isWhole = (status: Status) => isWell(status) && status.nodes.length === 3;
  for (const what of ['the first disk is replaced', 'the second one too']) {
    const former = await numberOf('n2');
    await wipe('n2');
    const told = new RegExp(`replaces node ${former}, whose data folder was lost`);
    assert.match(await must('up'), told);
    assert.match(logOf('n2'), told);
    const status = await until(what, isWhole);
    assert.equal(names(status), 'n1,n2,n3');
    assert.deepEqual(holders(status), ['n1,n2,n3']);
    assert.ok(status.nodes.every(({ node }) => node !== former));
  }
  // Only one machine was ever down, so one more may be.
  await kill('n3');
  for (let at = 0; at < 10; at++) {
    assert.match(await must('get', `key:${at}`), new RegExp(`^${at}`));
    await must('put', `key:${at}`, 'again');
  }
  await must('up');
  await until('all is well', isWell);
});

test('a drained node leads nothing, and leads again after undrain', LONG, async () => {
  const node = await numberOf('n1');
  await must('node', 'drain', 'n1', '--wait');
  const led = ({ shards }: Status) => shards.filter((one) => one.leaderNode === node).length;
  const drained = await until('it leads nothing', (status) => led(status) === 0);
  assert.deepEqual(holders(drained), ['n1,n2,n3'], 'no other node has room');
  assert.equal(drained.nodes.find((row) => row.name === 'n1')?.membership, 'draining');
  await must('node', 'undrain', 'n1');
  await until('it leads again', (status) => led(status) > 0);
});

test('a removal that costs replicas is refused, and names the consequence', LONG, async () => {
  const { exit, notes } = await kvctl('node', 'remove', 'n3');
  assert.equal(exit, 5);
  assert.match(notes, /without --force: 2 nodes would be left for 3 replicas/);
  assert.match(notes, /could lose 0 of its nodes/);
});

test('a live node that is removed gives up its replicas and ends', LONG, async () => {
  configure(4);
  await must('up');
  const pid = Number(readFileSync(pidFile('n3'), 'utf8').split('\n')[0]);
  const node = await numberOf('n3');
  await must('node', 'remove', 'n3', '--wait');
  await must('node', 'remove', String(node));
  // The nodes learn the last of it one after the other.
  const isMoved = (status: Status) => holders(status).every((nodes) => nodes === 'n1,n2,n4');
  const status = await until('it is gone', (one) => one.nodes.length === 3 && isMoved(one));
  assert.equal(names(status), 'n1,n2,n4');
  await gone(pid);
  assert.match(logOf('n3'), /was removed from the cluster: its data folder is no longer/);
  for (let at = 0; at < 10; at++) assert.match(await must('get', `key:${at}`), /^again/);
});

test('a dead node is removed and rebuilt elsewhere, and cannot start again', LONG, async () => {
  rmSync(join(FOLDER, 'data', 'n3'), { recursive: true });
  rmSync(pidFile('n3'), { force: true });
  await must('up');
  await until('four nodes are well', (s) => s.verdict === 'HEALTHY' && s.nodes.length === 4);
  const node = await numberOf('n4');
  await kill('n4');
  await must('node', 'remove', 'n4', '--wait');
  const status = await until('three are well', (s) => s.verdict === 'HEALTHY');
  assert.equal(names(status), 'n1,n2,n3');
  assert.equal(status.canLose, 1);
  const again = await kvctl('start', '--node', 'n4');
  assert.equal(again.exit, 0);
  assert.match(again.notes, new RegExp(`node ${node} was removed from the cluster`));
});

test('the machine that founded the cluster can be replaced like any other', LONG, async () => {
  configure(3);
  const former = await numberOf('n1');
  await wipe('n1');
  const told = new RegExp(`replaces node ${former}, whose data folder was lost`);
  assert.match(await must('up'), told);
  const isWell = ({ verdict, nodes }: Status) => verdict === 'HEALTHY' && nodes.length === 3;
  assert.equal(names(await until('all is well', isWell)), 'n1,n2,n3');
  for (let at = 0; at < 10; at++) assert.match(await must('get', `key:${at}`), /^again/);
});
