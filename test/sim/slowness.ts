/** Slow is not down: without faults, leaders stay in office and writes commit. */

import { SimFailure } from './failure.ts';
import type { World } from './world.ts';

/** Elections of a shard in a minute of disks and processors that change every second. */
const ELECTIONS_PER_MINUTE = 1;
/** The same, with leaders that handed over to a faster voter. */
const CHANGES_PER_MINUTE = 3;
/** With tiny windows every write waits for two syncs of half a second. */
const CALLS_PER_MINUTE = 30;

interface Changes {
  readonly elections: number;
  readonly all: number;
}

/** Leaders that took office so far, except by a transfer, which is no election. */
export function changesOfLeader({ services }: World): Changes {
  const { counts } = services.probes;
  const all = counts.get('became-leader') ?? 0;
  return { elections: all - (counts.get('transfer-sent') ?? 0), all };
}

export function judgeSlowness(world: World, before: Changes): void {
  const { plan, agenda } = world.services;
  const minutes = (plan.shards * plan.safetyMilliseconds) / 60_000;
  const after = changesOfLeader(world);
  const fail = (text: string) => {
    throw new SimFailure('liveness', text, { time: agenda.now });
  };
  const elections = after.elections - before.elections;
  if (elections > 2 + ELECTIONS_PER_MINUTE * minutes) {
    fail(`${elections} elections in ${minutes.toFixed(1)} minutes of shards that are only slow`);
  }
  const all = after.all - before.all;
  if (all > 2 + CHANGES_PER_MINUTE * minutes) {
    fail(`${all} changes of leader in ${minutes.toFixed(1)} minutes of shards that are only slow`);
  }
  const { history } = world.clients;
  const succeeded = history.filter(({ outcome }) => outcome === 'ok').length;
  if (succeeded < Math.min(CALLS_PER_MINUTE * minutes, history.length / 2)) {
    fail(`${succeeded} of ${history.length} calls succeeded on disks that are only slow`);
  }
}
