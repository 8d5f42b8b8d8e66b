/**
 * The faults of a run, drawn from its seed alone: the same seed draws the same ones, at the same
 * distances, for the same durations. The targets are drawn as well, but by role: the leader is
 * the one at that time.
 */

import type { Random } from '../../../src/base/random.ts';
import type { Fault } from './faults/fault.ts';

/** Concurrent faults. */
export interface Slot {
  readonly faults: readonly Fault[];
  readonly milliseconds: number;
  /** The pause after a fault. */
  readonly restMilliseconds: number;
  /** For the random choices of each fault. */
  readonly seeds: readonly number[];
}

const TOGETHER = 0.25;
const REST_MILLISECONDS = { min: 1000, max: 3000 } as const;

/** Every fault comes once before any comes twice. */
export function* drawSchedule(faults: readonly Fault[], random: Random): Generator<Slot, never> {
  let deck: Fault[] = [];
  for (;;) {
    if (deck.length === 0) deck = random.shuffle([...faults]);
    const first = deck.pop() as Fault;
    const isAlone = first.isGrave || !random.chance(TOGETHER);
    const at = isAlone ? -1 : deck.findLastIndex((other) => mayJoin(first, other));
    const chosen = at < 0 ? [first] : [first, ...deck.splice(at, 1)];
    yield drawSlot(chosen, random);
  }
}

/** As long as the first of them lasts. */
export function drawSlot(faults: readonly Fault[], random: Random): Slot {
  const [min, max] = faults[0]?.seconds ?? [0, 0];
  return {
    faults,
    milliseconds: random.between(min * 1000, max * 1000),
    restMilliseconds: random.between(REST_MILLISECONDS.min, REST_MILLISECONDS.max),
    seeds: faults.map(() => random.word()),
  };
}

/** A network fault and one of another kind; others would interfere with each other. */
function mayJoin(first: Fault, other: Fault): boolean {
  return (first.family === 'network') !== (other.family === 'network') && !other.isGrave;
}

export function nameOf({ faults }: Slot): string {
  return faults.map(({ name }) => name).join(' + ');
}
