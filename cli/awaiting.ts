/** Waits until a cluster is healthy, and reports the progress. */

import { EXIT } from './exit-codes.ts';
import { CliFailure, reportOf } from './failure.ts';
import type { Health } from './health.ts';
import { inspect } from './inspect.ts';
import type { Store } from './store.ts';

interface Awaiting {
  readonly connect: () => Promise<Store>;
  /** A cluster with fewer nodes may be healthy, but it is not the expected one yet. */
  readonly nodesMin: number;
  /** A failure that ends the wait early: a node process exited. */
  readonly fault: () => CliFailure | undefined;
  /** Receives the first thing that is still missing. */
  readonly onProgress: (text: string) => void;
  readonly timeoutMilliseconds: number;
  readonly pauseMilliseconds: number;
}

export async function awaitHealth(awaiting: Awaiting): Promise<Health> {
  const { connect, nodesMin, fault, onProgress } = awaiting;
  const { timeoutMilliseconds, pauseMilliseconds } = awaiting;
  const until = Date.now() + timeoutMilliseconds;
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
        obstacle = reportOf(error).message;
      }
      if (Date.now() >= until) break;
      onProgress(obstacle);
      await new Promise((resume) => setTimeout(resume, pauseMilliseconds));
    }
  } finally {
    await store?.close();
  }
  throw new CliFailure({
    code: 'not-healthy',
    exit: EXIT.timeout,
    message: `the cluster is not healthy after ${Math.round(timeoutMilliseconds / 1000)} s`,
    reasons: [{ endpoint: '-', what: obstacle }],
    hint: 'the nodes keep trying: check `kvctl status`, and the .log files beside the data folders',
  });
}

/** Shards that have fewer voters than they should have. */
function growing({ shards }: Health): Health['shards'] {
  return shards.filter(({ voters, replicasWanted }) => voters.length < replicasWanted);
}

function growthText(health: Health, nodesMin: number): string {
  const { nodes, shards } = health;
  if (nodes.length < nodesMin) return `${nodes.length} of ${nodesMin} nodes have joined`;
  const full = shards.length - growing(health).length;
  return `${full} of ${shards.length} shards have all their replicas`;
}
