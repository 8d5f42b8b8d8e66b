/** The start-up time of kvctl, next to Node alone. */

import { spawnSync } from 'node:child_process';
import { type BenchRow, measure } from './report.ts';

function tookBy(words: readonly string[]): () => number {
  return () => spawnSync(process.execPath, words).status ?? 1;
}

export async function run(): Promise<BenchRow[]> {
  return measure([
    { name: 'kvctl --version', operations: 1, work: tookBy(['build/cli/kvctl.js', '--version']) },
    { name: 'node that does nothing', operations: 1, work: tookBy(['-e', '0']) },
  ]);
}
