/** Runs many seeds, over all profiles or one, and reports on them. */

import { failureOf, signatureOf } from './failure.ts';
import { commandFor, type Options } from './options.ts';
import { printTable, type Tally, tallyOf } from './report.ts';
import { runSeed, type SimResult } from './run.ts';
import { shrink } from './shrink.ts';

/** One seed in so many runs twice, to check that a run depends on the seed alone. */
const REPEATED = 10;

/** The exit code. */
export function runSeeds(options: Options): number {
  const tallies = new Map<string, Tally>();
  for (const profile of options.profiles) tallies.set(profile, tallyOf(profile));
  let failures = 0;
  for (let at = 0; at < options.seeds; at++) {
    const profile = options.profiles[at % options.profiles.length] ?? '';
    const seed = options.seed + at;
    const isRepeated = at < Math.ceil(options.seeds / REPEATED);
    if (!runOne(options, { profile, seed, isRepeated }, tallies.get(profile))) failures += 1;
  }
  printTable([...tallies.values()]);
  console.log(`sim: ${options.seeds - failures} passed, ${failures} failed`);
  return failures === 0 ? 0 : 1;
}

function runOne(
  options: Options,
  one: { readonly profile: string; readonly seed: number; readonly isRepeated: boolean },
  tally: Tally | undefined,
): boolean {
  const { profile, seed } = one;
  const { overrides } = options;
  const began = performance.now();
  let result = runSeed({ profile, seed, overrides });
  const milliseconds = performance.now() - began;
  if (one.isRepeated && result.failure === undefined) {
    const again = runSeed({ profile, seed, overrides });
    if (again.traceHash !== result.traceHash || again.events !== result.events) {
      const error = new Error('the same seed took another course');
      const failure = { ...failureOf(error, result.virtualMilliseconds), oracle: 'determinism' };
      result = { ...result, failure };
    }
  }
  tally?.add(result, milliseconds);
  if (options.isVerbose) console.log(describe(result, milliseconds));
  if (result.failure === undefined) return true;
  printFailure(options, result);
  return false;
}

function describe(result: SimResult, milliseconds: number): string {
  const { plan, operations, virtualMilliseconds, events, traceHash } = result;
  const ratio = Math.round(virtualMilliseconds / milliseconds);
  const { ok, failed, unknown } = operations;
  return (
    `${plan.profile} ${plan.seed}: ${plan.nodes} nodes, ${plan.shards} shards x ${plan.factor}, ` +
    `${Math.round(virtualMilliseconds / 1000)} s in ${Math.round(milliseconds)} ms (${ratio}x), ` +
    `${events} events, ${ok} ok ${failed} failed ${unknown} unknown, ` +
    `faults ${[...plan.faults.keys()].join(' ') || 'none'}, trace ${traceHash}`
  );
}

function printFailure(options: Options, result: SimResult): void {
  const { failure, plan } = result;
  if (failure === undefined) return;
  const { overrides } = options;
  const { profile, seed } = plan;
  const where = [
    failure.node === undefined ? '' : ` node ${failure.node}`,
    failure.shard === undefined ? '' : ` shard ${failure.shard}`,
  ].join('');
  console.log(`FAIL ${profile} ${seed}: ${signatureOf(failure)}`);
  console.log(`  ${failure.message}`);
  console.log(`  at ${Math.round(failure.time)} ms${where}`);
  if (failure.oracle === 'assertion' || failure.oracle === 'exception' || options.isVerbose) {
    console.log(failure.stack.split('\n').slice(1, 9).join('\n'));
  }
  if (failure.oracle === 'liveness' || options.isVerbose) console.log(result.scene.join('\n'));
  console.log(`  again: ${commandFor({ profile, seed, overrides })}`);
  const smaller = shrink({ profile, seed, overrides }, failure, options);
  if (smaller !== undefined) console.log(`  smaller: ${commandFor(smaller)}`);
}
