/** Waiting for a cluster to be healthy, and saying how far it is. */

import { EXIT } from './exit.ts';
import { Failure, toldOf } from './failure.ts';
import type { Health } from './health.ts';
import { inspect } from './inspect.ts';
import type { Store } from './store.ts';

interface Awaiting {
  readonly connect: () => Promise<Store>;
  /** A cluster of fewer may be healthy, and still not be what is awaited. */
  readonly nodesMin: number;
  /** What makes waiting pointless: a node that ended. */
  readonly fault: () => Failure | undefined;
  /** Something to show meanwhile. */
  readonly onProgress: (text: string) => void;
  readonly patienceMilliseconds: number;
  readonly pauseMilliseconds: number;
}

export async function awaitHealth(awaiting: Awaiting): Promise<Health> {
  const { connect, nodesMin, fault, onProgress } = awaiting;
  const { patienceMilliseconds, pauseMilliseconds } = awaiting;
  const until = Date.now() + patienceMilliseconds;
  let obstacle = 'no node answers yet';
  let store: Store | undefined;
  try {
    for (;;) {
      const found = fault();
      if (found !== undefined) throw found;
      try {
        store ??= await connect();
        const health = await inspect(store);
        const { verdict, nodes, reasons } = health;
        const isGrown = nodes.length >= nodesMin && growing(health).length === 0;
        if (verdict === 'HEALTHY' && isGrown) return health;
        obstacle = reasons[0] ?? growthText(health, nodesMin);
      } catch (error) {
        obstacle = toldOf(error).message;
      }
      if (Date.now() >= until) break;
      onProgress(obstacle);
      await new Promise((resume) => setTimeout(resume, pauseMilliseconds));
    }
  } finally {
    await store?.close();
  }
  throw new Failure({
    code: 'not-healthy',
    exit: EXIT.timeout,
    message: `the cluster is not healthy after ${Math.round(patienceMilliseconds / 1000)} s`,
    reasons: [{ endpoint: '-', what: obstacle }],
    hint: 'the nodes go on trying: look at `kvctl status`, and at the .log files beside the data',
  });
}

/** Shards that are well as far as they go, and cannot lose what they shall be able to lose yet. */
function growing({ shards }: Health): Health['shards'] {
  return shards.filter(({ voters, replicasWanted }) => voters.length < replicasWanted);
}

function growthText(health: Health, nodesMin: number): string {
  const { nodes, shards } = health;
  if (nodes.length < nodesMin) return `${nodes.length} of ${nodesMin} nodes belong to it`;
  const full = shards.length - growing(health).length;
  return `${full} of ${shards.length} shards have all their replicas`;
}
