/**
 * What TLS costs: puts on two clusters of three nodes on this machine, one plain and one with
 * certificates, in turns. `node build/bench/tls/main.js --callers=64 --rounds=4 --seconds=3`
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { livePid } from '../../cli/processes.ts';
import { type Client, connect } from '../../src/index.ts';

const KVCTL = fileURLToPath(new URL('../../cli/kvctl.js', import.meta.url));
const NAMES = ['n1', 'n2', 'n3'];
const KEYS = 10_000;
const VALUE = new Uint8Array(256).fill(7);
/** Of `/proc/PID/stat`: hundredths of a second. */
const TICK_MICROSECONDS = 10_000;

const { values } = parseArgs({
  options: {
    callers: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '3' },
  },
});

interface Cluster {
  readonly title: string;
  readonly folder: string;
  readonly client: Client;
  readonly pids: readonly number[];
}

async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

async function open(title: string, isSecure: boolean): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-tls-'));
  const nodes = [];
  for (const name of NAMES) {
    nodes.push({ name, data: `data/${name}`, listen: `127.0.0.1:${await freePort()}` });
  }
  writeFileSync(join(folder, 'cluster.config.json'), JSON.stringify({ nodes }));
  const kvctl = (...words: readonly string[]) =>
    execFileSync(process.execPath, [KVCTL, ...words], { cwd: folder, stdio: 'pipe' });
  if (isSecure) kvctl('init', '--secure');
  kvctl('up');
  const text = (name: string) => readFileSync(join(folder, 'certs', name), 'utf8');
  const tls = isSecure && { ca: text('ca.pem'), cert: text('admin.pem'), key: text('admin.key') };
  const urls = nodes.map(({ listen }) => `kv://${listen}`);
  const client = await connect(urls, tls ? { tls } : {});
  const pids = NAMES.map((name) => livePid(join(folder, `data/${name}.pid`)) ?? 0);
  return { title, folder, client, pids };
}

/** User and system time of a process in microseconds. */
function timeOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}

/** Microseconds of nodes and client for one put. */
async function measure({ client, pids }: Cluster, seconds: number): Promise<readonly number[]> {
  const until = performance.now() + seconds * 1000;
  const nodesBefore = pids.map(timeOf).reduce((sum, time) => sum + time, 0);
  const before = process.cpuUsage();
  let puts = 0;
  const call = async () => {
    while (performance.now() < until) {
      await client.set(`key-${(puts * 7919) % KEYS}`, VALUE);
      puts += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(values.callers) }, call));
  const { user, system } = process.cpuUsage(before);
  const nodes = pids.map(timeOf).reduce((sum, time) => sum + time, 0) - nodesBefore;
  return [nodes / puts, (user + system) / puts, puts / seconds];
}

const clusters = [await open('plain', false), await open('TLS', true)];
try {
  for (const cluster of clusters) await measure(cluster, Number(values.seconds));
  console.log('cluster\tnodes µs/put\tclient µs/put\tputs/s');
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const cluster of clusters) {
      const figures = await measure(cluster, Number(values.seconds));
      console.log([cluster.title, ...figures.map((figure) => figure.toFixed(1))].join('\t'));
    }
  }
} finally {
  for (const { client, folder } of clusters) {
    await client.close();
    execFileSync(process.execPath, [KVCTL, 'down'], { cwd: folder, stdio: 'pipe' });
    rmSync(folder, { recursive: true, force: true });
  }
}
