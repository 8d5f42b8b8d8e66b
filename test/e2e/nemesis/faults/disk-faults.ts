/** Faults of disks: slow, failing, full, damaged, outdated, empty, or used by two nodes. */

import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../../../src/base/random.ts';
import { pause } from '../cluster.ts';
import type { Host } from '../host.ts';
import { type Fault, leaderOr, namesOf, type Running, type Stage } from './fault.ts';

const UP_MILLISECONDS = 60_000;
/** How long a node that ended may take to close its files. */
const END_MILLISECONDS = 10_000;
const SECOND_MILLISECONDS_MAX = 15_000;
const REFUSAL_MILLISECONDS = 30_000;
const BLOCK_BYTES = 4096;
const MIB = 1024 * 1024;

function anyHost({ cluster }: Stage, random: Random): Host {
  return random.pick([...cluster.hosts]);
}

async function untilUp({ cluster }: Stage, host: Host): Promise<void> {
  await cluster.until(`${host.name} is up`, UP_MILLISECONDS, () => cluster.isUp(host));
}

/** A node that ended releases everything, and its process ends. */
async function mustEnd({ fail }: Stage, host: Host): Promise<void> {
  const end = performance.now() + END_MILLISECONDS;
  while (host.isRunning && performance.now() < end) await pause(100);
  if (host.isRunning) fail('end', `${host.name} still runs after ${END_MILLISECONDS} ms`);
}

/** The machine of each loses power: unsynced writes are lost, or a part of them. */
function powerFailure(name: string, choose: (hosts: readonly Host[]) => readonly Host[]): Fault {
  return {
    name,
    family: 'disk',
    needs: ['shim'],
    seconds: [0.1, 2],
    isGrave: false,
    async begin(stage, random): Promise<Running> {
      const hosts = choose(random.shuffle([...stage.cluster.hosts]));
      for (const host of hosts) await untilUp(stage, host);
      // While syncs are slow, more writes are unsynced.
      const delay = random.pick([0, 50, 300]);
      for (const { control } of hosts) control.slowSyncs(delay);
      if (delay > 0) await pause(2 * delay);
      const isTotal = random.chance(0.5);
      const losses = await Promise.all(
        hosts.map((host) => host.failPower(random.fork(host.name), isTotal)),
      );
      for (const { control } of hosts) control.slowSyncs(0);
      const sectors = losses.reduce((sum, loss) => sum + loss.sectors, 0);
      const operations = losses.reduce((sum, loss) => sum + loss.operations, 0);
      return {
        target: `${namesOf(hosts)}: ${sectors} sectors, ${operations} operations on folders lost`,
        async heal() {
          for (const host of hosts) host.start();
          return sectors + operations > 0;
        },
      };
    },
  };
}

function slowSync(name: string, isAll: boolean): Fault {
  return {
    name,
    family: 'disk',
    needs: ['shim'],
    seconds: [3, 6],
    isGrave: false,
    async begin(stage, random) {
      const hosts = isAll ? stage.cluster.hosts : [await leaderOr(stage, random)];
      const milliseconds = random.pick([20, 100, 500, isAll ? 1000 : 3000]);
      const before = hosts.map(({ control }) => control.read('slowSyncs'));
      for (const { control } of hosts) control.slowSyncs(milliseconds);
      return {
        target: `${namesOf(hosts)} by ${milliseconds} ms`,
        async heal() {
          for (const { control } of hosts) control.slowSyncs(0);
          return hosts.some(({ control }, at) => control.read('slowSyncs') > (before[at] ?? 0));
        },
      };
    },
  };
}

/** The node ends at once, and reports it; a supervisor restarts it. */
function failingSync(name: string, count: number | 'all'): Fault {
  return {
    name,
    family: 'disk',
    needs: ['shim'],
    seconds: [1, 4],
    isGrave: false,
    async begin(stage, random) {
      const host = await leaderOr(stage, random);
      const before = host.control.read('failedSyncs');
      host.mayEnd = true;
      host.control.failSyncs(count);
      return {
        target: host.name,
        async heal() {
          const hasFailed = host.control.read('failedSyncs') > before;
          if (hasFailed) await mustEnd(stage, host);
          host.control.failSyncs(0);
          await host.kill();
          host.mayEnd = false;
          host.start();
          return hasFailed;
        },
      };
    },
  };
}

/**
 * A file takes all the space of the file system except a few pages. Only for a node with a file
 * system of its own: the machine's must not be filled.
 */
const FULL_DISK: Fault = {
  name: 'full-disk',
  family: 'disk',
  needs: ['mounts'],
  seconds: [4, 8],
  isGrave: true,
  async begin(stage, random) {
    const mounted = stage.cluster.hosts.filter(({ isMounted }) => isMounted);
    const host = random.pick(mounted);
    const path = join(host.folder, 'ballast');
    const before = availableIn(host.folder);
    fill(path, before - random.below(4) * 16 * 1024);
    const left = availableIn(host.folder);
    return {
      target: `${host.name}: ${left} of ${before} bytes left`,
      async heal() {
        unlinkSync(path);
        return left < MIB;
      },
    };
  },
};

function availableIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function fill(path: string, bytes: number): void {
  const handle = openSync(path, 'w');
  const piece = Buffer.alloc(MIB, 1);
  try {
    for (let left = bytes; left > 0; left -= piece.length) {
      writeSync(handle, piece, 0, Math.min(left, piece.length));
    }
  } catch {
    // The nodes took the rest of it meanwhile, so it is full too.
  } finally {
    closeSync(handle);
  }
}

/** A bit is flipped while the node is down. */
function flippedBit(name: string, folder: 'log' | 'state', isWanted: (name: string) => boolean) {
  const fault: Fault = {
    name,
    family: 'disk',
    needs: [],
    seconds: [1, 3],
    isGrave: true,
    async begin(stage, random) {
      const host = anyHost(stage, random);
      await host.kill();
      const path = join(host.data, folder);
      const names = random.shuffle(readdirSync(path).filter(isWanted).sort());
      let place: string | undefined;
      for (const own of names) place ??= flip(join(path, own), random);
      host.start();
      return { target: `${host.name}: ${place}`, heal: async () => place !== undefined };
    },
  };
  return fault;
}

/** In the written part of the file; returns where. Undefined if nothing was written. */
function flip(path: string, random: Random): string | undefined {
  const written = blocksIn(path);
  if (written.length === 0) return undefined;
  const start = random.pick(written) * BLOCK_BYTES;
  const handle = openSync(path, 'r+');
  const block = Buffer.alloc(BLOCK_BYTES);
  const length = readSync(handle, block, 0, BLOCK_BYTES, start);
  const bytes = [...block.subarray(0, length).keys()].filter((at) => block[at] !== 0);
  const at = random.pick(bytes);
  block[at] = (block[at] ?? 0) ^ (1 << random.below(8));
  writeSync(handle, block, at, 1, start + at);
  closeSync(handle);
  return `${path} at ${start + at}`;
}

/** The numbers of the sectors that contain more than zeros. */
function blocksIn(path: string): number[] {
  const bytes = readFileSync(path);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    if (block.some((byte) => byte !== 0)) numbers.push(at / BLOCK_BYTES);
  }
  return numbers;
}

/** An old copy of the folder is put back: it must be refused. */
const OLD_FOLDER: Fault = {
  name: 'old-folder',
  family: 'disk',
  needs: [],
  seconds: [2, 4],
  isGrave: true,
  async begin(stage, random) {
    const host = anyHost(stage, random);
    const copy = join(host.folder, 'copy');
    await host.kill();
    cpSync(host.data, copy, { recursive: true });
    host.start();
    await untilUp(stage, host);
    await pause(random.between(1000, 3000));
    await host.kill();
    host.mayEnd = true;
    rmSync(host.data, { recursive: true });
    cpSync(copy, host.data, { recursive: true });
    rmSync(copy, { recursive: true });
    host.start();
    return {
      target: host.name,
      async heal() {
        const refused = async () => host.said.includes('node-ended');
        await stage.cluster.until('the old copy is refused', REFUSAL_MILLISECONDS, refused);
        const isRefused = host.said.includes('older-copy');
        if (!isRefused) stage.fail('old copy', `${host.name} ended with: ${host.said}`);
        await mustEnd(stage, host);
        rmSync(host.data, { recursive: true });
        host.mayEnd = false;
        host.start();
        return isRefused;
      },
    };
  },
};

/** The machine is replaced: the node comes back as a new member. */
const EMPTY_FOLDER: Fault = {
  name: 'empty-folder',
  family: 'disk',
  needs: [],
  seconds: [0.5, 3],
  isGrave: true,
  async begin(stage, random) {
    const { cluster } = stage;
    const host = anyHost(stage, random);
    await untilUp(stage, host);
    const before = await cluster.numberOf(host);
    await host.kill();
    rmSync(host.data, { recursive: true });
    return {
      target: host.name,
      async heal() {
        host.start();
        await untilUp(stage, host);
        return (await cluster.numberOf(host)) !== before;
      },
    };
  },
};

/** Another process is started on the folder of a running node, and has to be refused. */
function secondNode(name: string, needs: Fault['needs'], around: readonly string[]): Fault {
  return {
    name,
    family: 'disk',
    needs,
    seconds: [1, 2],
    isGrave: false,
    async begin(stage, random): Promise<Running> {
      const host = anyHost(stage, random);
      const { guest } = stage.cluster;
      const second = guest.spawnNode(host.data, { isShimmed: false, in: around });
      let told = '';
      second.stderr?.on('data', (piece) => {
        told += String(piece);
      });
      const ended = new Promise<number | null>((resolve) => second.once('exit', resolve));
      const timer = setTimeout(() => second.kill('SIGKILL'), SECOND_MILLISECONDS_MAX);
      const code = await ended;
      clearTimeout(timer);
      if (code === 0 || code === null) stage.fail(name, `the second ended with ${code}: ${told}`);
      return { target: host.name, heal: async () => told.includes('in use') };
    },
  };
}

/** As two containers share a volume: neither sees the processes of the other. */
const OWN_PROCESSES = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

export const DISK_FAULTS: readonly Fault[] = [
  powerFailure('power-failure-one', (hosts) => hosts.slice(0, 1)),
  powerFailure('power-failure-all', (hosts) => hosts),
  slowSync('slow-sync-leader', false),
  slowSync('slow-sync-all', true),
  failingSync('failing-sync-once', 1),
  failingSync('failing-sync-always', 'all'),
  FULL_DISK,
  // A node whose identity is damaged does not start, and its operator learns what to do.
  flippedBit('flipped-log', 'log', (name) => /^promises|\.log$/.test(name)),
  flippedBit('flipped-state', 'state', (name) => /^MANIFEST|\.ldb$|\.log$/.test(name)),
  OLD_FOLDER,
  EMPTY_FOLDER,
  secondNode('two-on-one-folder', [], []),
  secondNode('two-on-one-volume', ['network'], OWN_PROCESSES),
];
