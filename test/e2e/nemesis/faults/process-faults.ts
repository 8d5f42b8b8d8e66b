/** Faults of processes: killed, stopped, terminated, starved. */

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import type { Random } from '../../../../src/base/random.ts';
import { pause } from '../cluster.ts';
import { SHARES_FOLDER } from '../ground.ts';
import type { Host } from '../host.ts';
import { type Fault, leaderOr, namesOf, type Running, type Stage } from './fault.ts';

type Choice = (stage: Stage, random: Random) => Promise<readonly Host[]>;

const STOP_LOOKS = 100;
const REMOVALS = 20;
const PERIOD_MICROSECONDS = 100_000;

function some(countOf: (nodes: number) => number): Choice {
  return async ({ cluster }, random) => {
    return random.shuffle([...cluster.hosts]).slice(0, countOf(cluster.hosts.length));
  };
}

const ONE = some(() => 1);
const MINORITY = some((nodes) => Math.max(1, Math.floor((nodes - 1) / 2)));
const MAJORITY = some((nodes) => Math.floor(nodes / 2) + 1);
const ALL = some((nodes) => nodes);
const LEADER: Choice = async (stage, random) => [await leaderOr(stage, random)];

function killing(name: string, choose: Choice, seconds: readonly [number, number]): Fault {
  return {
    name,
    family: 'process',
    needs: [],
    seconds,
    isGrave: false,
    async begin(stage, random): Promise<Running> {
      const hosts = await choose(stage, random);
      const wereKilled = await Promise.all(hosts.map((host) => host.kill()));
      return {
        target: namesOf(hosts),
        async heal() {
          for (const host of hosts) host.start();
          return wereKilled.every((was) => was);
        },
      };
    },
  };
}

/** `S`, `T`, … as the kernel reports it. */
function stateOf(pid: number | undefined): string {
  const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3);
}

/** A busy kernel may be slow. */
async function areAllStopped(hosts: readonly Host[]): Promise<boolean> {
  for (let look = 0; look < STOP_LOOKS; look++) {
    if (hosts.every(({ pid }) => stateOf(pid) === 'T')) return true;
    await pause(10);
  }
  return false;
}

function pausing(name: string, choose: Choice, seconds: readonly [number, number]): Fault {
  return {
    name,
    family: 'process',
    needs: [],
    seconds,
    isGrave: false,
    async begin(stage, random): Promise<Running> {
      const hosts = await choose(stage, random);
      for (const host of hosts) host.signal('SIGSTOP');
      const areStopped = await areAllStopped(hosts);
      return {
        target: namesOf(hosts),
        async heal() {
          for (const host of hosts) host.signal('SIGCONT');
          return areStopped;
        },
      };
    },
  };
}

/** Leadership moves and the process exits with code 0; then it is restarted. */
async function restart(stage: Stage, host: Host): Promise<boolean> {
  const hasEnded = await host.kill('SIGTERM');
  if (!hasEnded) stage.fail('stop', `${host.name} did not end well on SIGTERM: ${host.said}`);
  host.start();
  return hasEnded;
}

const TERMINATE: Fault = {
  name: 'terminate',
  family: 'process',
  needs: [],
  seconds: [1, 3],
  isGrave: false,
  async begin(stage, random) {
    const host = await leaderOr(stage, random);
    const hasEnded = await restart(stage, host);
    return { target: host.name, heal: async () => hasEnded };
  },
};

const ROLLING_RESTART: Fault = {
  name: 'rolling-restart',
  family: 'process',
  needs: [],
  seconds: [1, 2],
  isGrave: false,
  async begin(stage) {
    const { hosts } = stage.cluster;
    let haveEnded = true;
    for (const host of hosts) {
      haveEnded = (await restart(stage, host)) && haveEnded;
      await stage.cluster.until(`${host.name} is up`, 60_000, () => stage.cluster.isUp(host));
    }
    return { target: namesOf(hosts), heal: async () => haveEnded };
  },
};

/** A group of the kernel's scheduler that gets a part of a core. */
class Share {
  readonly #group: string;
  readonly #pid: number;

  constructor(name: string, pid: number, cores: number) {
    this.#group = `${SHARES_FOLDER}/${name}`;
    this.#pid = pid;
    mkdirSync(this.#group, { recursive: true });
    this.#write('cpu.cfs_period_us', PERIOD_MICROSECONDS);
    this.#write('cpu.cfs_quota_us', Math.round(cores * PERIOD_MICROSECONDS));
    this.#write('cgroup.procs', pid);
  }

  get throttled(): number {
    const text = readFileSync(`${this.#group}/cpu.stat`, 'utf8');
    return Number(text.match(/nr_throttled (\d+)/)?.[1] ?? 0);
  }

  async free(isRunning: boolean): Promise<void> {
    this.#write('cpu.cfs_quota_us', -1);
    if (isRunning) writeFileSync(`${SHARES_FOLDER}/cgroup.procs`, String(this.#pid));
    // A process that ends keeps its group for a moment; the rest is removed at the end.
    for (let attempt = 0; attempt < REMOVALS; attempt++) {
      await pause(50);
      try {
        return rmdirSync(this.#group);
      } catch {}
    }
  }

  #write(name: string, value: number): void {
    writeFileSync(`${this.#group}/${name}`, String(value));
  }
}

function starving(name: string, choose: Choice): Fault {
  return {
    name,
    family: 'process',
    needs: ['shares'],
    seconds: [3, 6],
    isGrave: false,
    async begin(stage, random) {
      const hosts = (await choose(stage, random)).filter(({ isRunning }) => isRunning);
      const cores = random.pick([0.02, 0.05, 0.1]);
      const shares = hosts.map((host) => {
        return new Share(`${stage.name}-${host.name}`, host.pid ?? 0, cores);
      });
      const pids = hosts.map(({ pid }) => pid);
      return {
        target: `${namesOf(hosts)}: ${cores} of a core`,
        async heal() {
          const isBitten = shares.every(({ throttled }) => throttled > 0);
          for (const [at, share] of shares.entries()) {
            await share.free(hosts[at]?.pid === pids[at]);
          }
          return isBitten;
        },
      };
    },
  };
}

export const PROCESS_FAULTS: readonly Fault[] = [
  killing('kill-one', ONE, [0.2, 3]),
  killing('kill-leader', LEADER, [0.2, 4]),
  { ...killing('kill-minority', MINORITY, [1, 4]), nodesMin: 5 },
  killing('kill-majority', MAJORITY, [0.5, 3]),
  killing('kill-all', ALL, [0.1, 2]),
  pausing('stop-leader', LEADER, [0.1, 8]),
  pausing('stop-one-long', ONE, [8, 20]),
  pausing('stop-all', ALL, [0.5, 4]),
  TERMINATE,
  ROLLING_RESTART,
  starving('starve-leader', LEADER),
  starving('starve-all', ALL),
];
