/** Many seeds of whole clusters: `node build/test/cluster/main.js --seeds=100 --seed=1`. */

import { isDeepStrictEqual } from 'node:util';
import { signatureOf } from '../sim/failure.ts';
import { Probes } from '../sim/probes.ts';
import { type ClusterResult, runClusterSeed } from './run.ts';

/** One seed in so many runs twice, to see that nothing but the seed decides. */
const REPEATED = 10;

const args = process.argv.slice(2);
const seeds = numberOf('seeds', 100);
const first = numberOf('seed', 1);
const probes = new Probes();
let virtual = 0;
let operations = 0;
let failures = 0;
const began = performance.now();
for (let seed = first; seed < first + seeds; seed++) {
  const result = runClusterSeed(seed);
  const isAgain = seed % REPEATED !== 0 || isDeepStrictEqual(runClusterSeed(seed), result);
  probes.add(result.probes);
  virtual += result.virtualMilliseconds;
  operations += result.operations;
  if (result.failure === undefined && isAgain) continue;
  failures += 1;
  tell(result);
}
const seconds = (performance.now() - began) / 1000;
const hit = [...probes.counts].sort(([one], [other]) => (one < other ? -1 : 1));
console.log(`hit: ${hit.map(([name, count]) => `${name} ${count}`).join(', ')}`);
console.log(
  `${(virtual / 3_600_000).toFixed(2)} virtual h in ${seconds.toFixed(0)} s, ` +
    `${Math.round(virtual / 1000 / seconds)}x, ${operations} operations`,
);
console.log(`sim: ${seeds - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

function numberOf(name: string, fallback: number): number {
  const start = `--${name}=`;
  const word = args.find((one) => one.startsWith(start));
  return word === undefined ? fallback : Number(word.slice(start.length));
}

function tell({ seed, failure, plan }: ClusterResult): void {
  const { nodes, shards, customers, keys } = plan;
  if (failure === undefined) console.log(`FAIL cluster ${seed}: it took another course`);
  else {
    console.log(`FAIL cluster ${seed}: ${signatureOf(failure)}`);
    console.log(`  ${failure.message}\n  at ${Math.round(failure.time)} ms`);
    if (failure.oracle === 'assertion' || failure.oracle === 'exception') {
      console.log(failure.stack.split('\n').slice(1, 9).join('\n'));
    }
  }
  console.log(`  ${nodes} nodes, ${shards} shards, ${customers} customers, ${keys} keys`);
  console.log(`  again: make sim PROFILE=cluster SEED=${seed} SEEDS=1`);
}
