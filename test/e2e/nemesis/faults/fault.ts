/** A fault: how it begins, and how it is healed. */

import type { Random } from '../../../../src/base/random.ts';
import type { Cluster } from '../cluster.ts';
import type { Host } from '../host.ts';
import type { Network } from '../network.ts';

export type Family = 'process' | 'network' | 'disk' | 'clock' | 'membership';

/** What a fault needs of the environment. */
export type Need = 'network' | 'shim' | 'mounts' | 'shares';

export interface Stage {
  readonly cluster: Cluster;
  /** Undefined on loopback. */
  readonly network: Network | undefined;
  /** The places of client processes. */
  readonly clientPlaces: readonly string[];
  /** The prefix of names outside of the run's folder. */
  readonly name: string;
  readonly shards: number;
  /** Reports a violation. */
  readonly fail: (what: string, text: string) => void;
}

export interface Fault {
  readonly name: string;
  readonly family: Family;
  readonly needs: readonly Need[];
  /** How long it lasts. */
  readonly seconds: readonly [min: number, max: number];
  /**
   * It takes a copy of the data, or changes members: it is injected alone, and the next one waits
   * until the cluster is healthy, because no guarantee covers more losses at a time.
   */
  readonly isGrave: boolean;
  /** The minimal number of nodes. */
  readonly nodesMin?: number;
  begin(stage: Stage, random: Random): Promise<Running>;
}

export interface Running {
  /** The targets. */
  readonly target: string;
  /** True if its effect was observed. */
  heal(): Promise<boolean>;
}

/** The leader of a random shard; any node if none leads. */
export async function leaderOr(stage: Stage, random: Random): Promise<Host> {
  const shard = 1 + random.below(stage.shards);
  const any = random.pick([...stage.cluster.hosts]);
  return (await stage.cluster.leaderOf(shard)) ?? any;
}

export function namesOf(hosts: readonly Host[]): string {
  return hosts.map(({ name }) => name).join(' ');
}
