/** Breadth first through every world that can be reached within the bounds. */

import { AssertionFailure } from '../../src/base/assert.ts';
import type { Bounds } from './bounds.ts';
import { BrokenRule, Cast } from './cast.ts';
import { describeStep } from './describe.ts';
import { Visited } from './visited.ts';
import { MESSAGES, World } from './world.ts';

export interface Report {
  readonly worlds: number;
  readonly steps: number;
  readonly depth: number;
  readonly localStates: number;
  readonly messages: number;
  /** The rule that was broken, and the shortest way there. */
  readonly violation: { readonly rule: string; readonly path: readonly string[] } | undefined;
}

export function explore(bounds: Bounds): Report {
  const cast = new Cast(bounds);
  const world = new World(cast, bounds);
  const visited = new Visited(MESSAGES);
  let steps = 0;
  let depth = 0;
  const report = (violation: Report['violation']): Report => ({
    worlds: visited.size,
    steps,
    depth,
    localStates: cast.states.length,
    messages: cast.messages.length,
    violation,
  });
  visited.add(world.first(), { parent: 0, step: 0 });
  let layerEnd = 1;
  for (let number = 0; number < visited.size; number++) {
    if (number === layerEnd) {
      depth += 1;
      layerEnd = visited.size;
    }
    if (visited.isOutdone(number)) continue;
    const from = visited.worldOf(number);
    for (const step of world.choices(from)) {
      steps += 1;
      try {
        const found = world.after(from, step);
        if (found !== undefined) visited.add(found, { parent: number, step });
      } catch (error) {
        if (!(error instanceof BrokenRule || error instanceof AssertionFailure)) throw error;
        const path = [...visited.pathTo(number), step].map((taken) => describeStep(cast, taken));
        return report({ rule: error.message, path });
      }
    }
  }
  return report(faultOf(cast));
}

/** What the exploration relied on. */
function faultOf(cast: Cast): Report['violation'] {
  const rule = cast.areMessagesUntouched()
    ? cast.faultOfLateAnswers()
    : 'a replica wrote to a message it was given';
  return rule === undefined ? undefined : { rule, path: [] };
}
