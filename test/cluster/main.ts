/**
 * Many seeds of whole clusters: `node build/test/cluster/main.js --seeds=100 --seed=1`, with
 * `--profile=txn` for transactions above all, `watch` for watches, `locks` for leases and locks,
 * and with `--profile=crash` for a crash at every moment of one transaction.
 */

import { isDeepStrictEqual } from 'node:util';
import { signatureOf } from '../sim/failure.ts';
import { Probes } from '../sim/probes.ts';
import {
  casesOf,
  describeCase,
  parseCase,
  runSweepCase,
  type SweepCase,
  spellCase,
} from './crash-sweep.ts';
import { VARIANTS } from './crash-sweep-world.ts';
import { CLUSTER_PROFILES, type Profile } from './profile.ts';
import { type ClusterResult, runClusterSeed } from './run.ts';

/** One seed in so many runs twice, to check that a run depends on the seed alone. */
const REPEATED = 10;

const args = process.argv.slice(2);
const profile = optionOf('profile') ?? 'cluster';
const first = Number(optionOf('seed') ?? 1);
const began = performance.now();
let failures = 0;
let virtual = 0;
const chosen = CLUSTER_PROFILES.find((one) => one === profile);
if (chosen !== undefined) runSeeds(chosen, Number(optionOf('seeds') ?? 100));
else if (profile === 'crash') {
  // Each seed of these is thousands of runs.
  for (let seed = first; seed < first + Number(optionOf('seeds') ?? 1); seed++) sweep(seed);
} else throw new RangeError(`there is no profile ${profile}`);
process.exitCode = failures === 0 ? 0 : 1;

function runSeeds(chosen: Profile, seeds: number): void {
  const probes = new Probes();
  let operations = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const result = runClusterSeed(seed, chosen);
    const again = seed % REPEATED === 0 ? runClusterSeed(seed, chosen) : result;
    probes.add(result.probes);
    virtual += result.virtualMilliseconds;
    operations += result.operations;
    if (result.failure === undefined && isDeepStrictEqual(again, result)) continue;
    failures += 1;
    tell(result);
  }
  const hit = [...probes.counts].sort(([one], [other]) => (one < other ? -1 : 1));
  console.log(`hit: ${hit.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  console.log(`${timeText()}, ${operations} operations`);
  console.log(`sim: ${seeds - failures} passed, ${failures} failed`);
}

/** Every node crashes before every effect, in both ways. */
function sweep(seed: number): void {
  let cases = 0;
  let committed = 0;
  let blocked = 0;
  for (const one of sweepCases(seed)) {
    const { failure, isCommitted, ...times } = runSweepCase(one);
    cases += 1;
    committed += isCommitted ? 1 : 0;
    virtual += times.virtualMilliseconds;
    blocked = Math.max(blocked, times.blocked);
    if (failure === undefined) continue;
    failures += 1;
    console.log(`FAIL ${describeCase(one)}: ${signatureOf(failure)}\n  ${failure.message}`);
    console.log(`  again: make sim PROFILE=crash SEED=${seed} CASE=${spellCase(one)}`);
  }
  console.log(
    `${committed} committed, no client was blocked for more than ${Math.round(blocked)} ms`,
  );
  console.log(timeText());
  console.log(`crash: ${cases - failures} passed, ${failures} failed`);
}

function sweepCases(seed: number): readonly SweepCase[] {
  const wanted = optionOf('case');
  if (wanted !== undefined) return [parseCase(seed, wanted)];
  return VARIANTS.flatMap((variant) => casesOf({ seed, variant }, { onlyOwn: false }));
}

function timeText(): string {
  const seconds = (performance.now() - began) / 1000;
  const speed = Math.round(virtual / 1000 / seconds);
  return `${(virtual / 3_600_000).toFixed(2)} virtual h in ${seconds.toFixed(0)} s, ${speed}x`;
}

function optionOf(name: string): string | undefined {
  const start = `--${name}=`;
  return args.find((word) => word.startsWith(start))?.slice(start.length);
}

function tell({ seed, failure, plan }: ClusterResult): void {
  const { nodes, shards, customers, keys } = plan;
  if (failure === undefined) console.log(`FAIL ${profile} ${seed}: it took another course`);
  else {
    console.log(`FAIL ${profile} ${seed}: ${signatureOf(failure)}`);
    console.log(`  ${failure.message}\n  at ${Math.round(failure.time)} ms`);
    if (failure.oracle === 'assertion' || failure.oracle === 'exception') {
      console.log(failure.stack.split('\n').slice(1, 9).join('\n'));
    }
  }
  console.log(`  ${nodes} nodes, ${shards} shards, ${customers} customers, ${keys} keys`);
  console.log(`  again: make sim PROFILE=${profile} SEED=${seed} SEEDS=1`);
}
