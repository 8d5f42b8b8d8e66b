/** The nodes of a run, their status, and the wait until the cluster is healthy. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askInfo } from '../../../src/admin.ts';
import type { Host } from './host.ts';

const KVCTL = resolve('build/cli/kvctl.js');
const LOOK_MILLISECONDS = 500;
const ASK_MILLISECONDS = 1000;
const HEALED = /found \d+ damaged places in its log: check its disk/;
const TOLD_MAX = 2000;
const FOUNDING_MILLISECONDS = 120_000;
const KVCTL_MILLISECONDS_MAX = 180_000;

interface Info {
  readonly node: number;
  readonly replicas: readonly { readonly shard: number; readonly role: string }[];
}

interface Status {
  readonly verdict: string;
  /** As many nodes may fail, whichever they are. */
  readonly canLose: number;
  readonly reasons: readonly string[];
  readonly nodes: readonly { readonly node: number; readonly url: string }[];
}

export class Cluster {
  /** The nodes that are there all the time. */
  readonly hosts: readonly Host[];
  /** It joins and leaves. */
  readonly guest: Host;
  readonly #config: string;

  constructor({ hosts, guest, folder }: ClusterParts) {
    this.hosts = hosts;
    this.guest = guest;
    this.#config = join(folder, 'cluster.config.json');
  }

  get urls(): readonly string[] {
    return this.hosts.map(({ url }) => url);
  }

  async found(): Promise<void> {
    for (const host of this.hosts) host.start();
    const obstacle = await this.untilHealthy(FOUNDING_MILLISECONDS);
    if (obstacle !== undefined) throw new Error(`the cluster did not come to be: ${obstacle}`);
  }

  /** Why it is not healthy, at the end of that time; undefined if it is. */
  async untilHealthy(milliseconds: number): Promise<string | undefined> {
    const end = performance.now() + milliseconds;
    let last = 'was not asked';
    while (performance.now() < end) {
      const status = await this.status();
      if (status !== undefined && isWhole(status)) return undefined;
      last = status === undefined ? 'no answer' : JSON.stringify(status).slice(0, TOLD_MAX);
      await pause(LOOK_MILLISECONDS);
    }
    return last;
  }

  async until(what: string, milliseconds: number, isSo: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + milliseconds;
    while (!(await isSo())) {
      if (performance.now() > end) throw new Error(`not in ${milliseconds} ms: ${what}`);
      await pause(LOOK_MILLISECONDS / 5);
    }
  }

  async status(): Promise<Status | undefined> {
    const { data } = await this.kvctl('status', '-o', 'json');
    try {
      return JSON.parse(data) as Status;
    } catch {
      return undefined;
    }
  }

  kvctl(...words: readonly string[]): Promise<{ readonly exit: number; readonly data: string }> {
    const options = {
      env: { ...process.env, RINGKV_CONFIG: this.#config, RINGKV_TIMEOUT: '10s' },
      timeout: KVCTL_MILLISECONDS_MAX,
    };
    return new Promise((done) => {
      execFile(process.execPath, [KVCTL, ...words], options, (error, data, notes) => {
        done({ exit: error === null ? 0 : 1, data: data || notes });
      });
    });
  }

  /** The place whose node leads the shard, if a node reports it. */
  async leaderOf(shard: number): Promise<Host | undefined> {
    for (const host of this.hosts) {
      const info = await infoOf(host);
      const own = info?.replicas.find((replica) => replica.shard === shard);
      if (own?.role === 'leader') return host;
    }
    return undefined;
  }

  async numberOf(host: Host): Promise<number | undefined> {
    return (await infoOf(host))?.node;
  }

  async isUp(host: Host): Promise<boolean> {
    return (await infoOf(host)) !== undefined;
  }
}

/**
 * A cluster of one node is healthy too, but not what was started. Damage that was found and
 * repaired is reported until the node's next start, because a person has to check the disk.
 */
function isWhole({ verdict, canLose, reasons }: Status): boolean {
  const isHealed = reasons.length > 0 && reasons.every((reason) => HEALED.test(reason));
  return (verdict === 'HEALTHY' || isHealed) && canLose > 0;
}

interface ClusterParts {
  readonly hosts: readonly Host[];
  readonly guest: Host;
  readonly folder: string;
}

async function infoOf(host: Host): Promise<Info | undefined> {
  if (!host.isRunning) return undefined;
  try {
    return JSON.parse(await askInfo(host.url, { timeout: ASK_MILLISECONDS })) as Info;
  } catch {
    return undefined;
  }
}

/** What kvctl needs to know of the nodes. */
export function writeConfig(folder: string, shards: number, hosts: readonly Host[]): void {
  const nodes = hosts.map(({ name, data, listen }) => ({ name, data, listen, insecure: true }));
  const path = join(folder, 'cluster.config.json');
  writeFileSync(path, JSON.stringify({ settings: { shards }, nodes }));
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
