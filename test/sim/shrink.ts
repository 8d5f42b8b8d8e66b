/** Makes a failing run smaller as long as it fails in the same way. */

import { type Failure, signatureOf } from './failure.ts';
import { drawPlan, type Overrides } from './plan.ts';
import { runSeed, type SeedOptions } from './run.ts';

/** Wall-clock time: of an automatic shrink, and of one that was requested. */
const SHORT_MILLISECONDS = 5000;
const LONG_MILLISECONDS = 120_000;

/** The smallest run found; undefined if none was smaller. */
export function shrink(
  run: SeedOptions,
  failure: Failure,
  { isShrinking }: { readonly isShrinking: boolean },
): SeedOptions | undefined {
  const deadline = performance.now() + (isShrinking ? LONG_MILLISECONDS : SHORT_MILLISECONDS);
  const signature = signatureOf(failure);
  let best: SeedOptions | undefined;
  let isProgress = true;
  while (isProgress && performance.now() < deadline) {
    isProgress = false;
    for (const overrides of smallerThan(best ?? run)) {
      if (performance.now() >= deadline) break;
      const found = runSeed({ ...run, overrides }).failure;
      if (found === undefined || signatureOf(found) !== signature) continue;
      best = { ...run, overrides };
      isProgress = true;
      break;
    }
  }
  return best;
}

/** Each attempt leaves out one thing; those that make the next attempts faster come first. */
function smallerThan({ profile, seed, overrides = {} }: SeedOptions): Overrides[] {
  const plan = drawPlan(profile, seed, overrides);
  const seconds = Math.floor(plan.safetyMilliseconds / 1000);
  const smaller: Overrides[] = [];
  if (seconds > 1) smaller.push({ ...overrides, seconds: Math.floor(seconds / 2) });
  if (plan.shards > 1) smaller.push({ ...overrides, shards: 1 });
  for (const name of [...plan.faults.keys(), ...plan.sites]) {
    smaller.push({ ...overrides, without: [...(overrides.without ?? []), name] });
  }
  if (plan.clients > 1) smaller.push({ ...overrides, clients: Math.floor(plan.clients / 2) });
  if (plan.nodes > 1) smaller.push({ ...overrides, nodes: plan.nodes - 1 });
  return smaller;
}
