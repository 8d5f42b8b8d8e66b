/** Bounds the processor time of processes, by cgroups of version 1. */

import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';

const ROOT = '/sys/fs/cgroup/cpu';
const PERIOD_MICROSECONDS = 100_000;
const UNBOUNDED = -1;

export class Share {
  readonly #groups: readonly string[];

  constructor(pids: readonly number[]) {
    this.#groups = pids.map((pid) => `${ROOT}/ringkv-bench-${pid}`);
    for (const [at, group] of this.#groups.entries()) {
      mkdirSync(group);
      writeFileSync(`${group}/cpu.cfs_period_us`, String(PERIOD_MICROSECONDS));
      writeFileSync(`${group}/cgroup.procs`, String(pids[at]));
    }
  }

  /** Of one core, for each process. */
  bound(cores: number): void {
    for (const group of this.#groups) {
      writeFileSync(`${group}/cpu.cfs_quota_us`, String(cores * PERIOD_MICROSECONDS));
    }
  }

  /** Processes return to their former groups, and the groups are removed. */
  free(): void {
    for (const group of this.#groups) {
      writeFileSync(`${group}/cpu.cfs_quota_us`, String(UNBOUNDED));
    }
    process.once('exit', () => {
      for (const group of this.#groups) rmdirSync(group);
    });
  }
}
