/** What a fault is: how it begins, and how it is healed. */

import type { Random } from '../../../../src/base/random.ts';
import type { Cluster } from '../cluster.ts';
import type { Host } from '../host.ts';
import type { Network } from '../network.ts';

export type Family = 'process' | 'network' | 'disk' | 'clock' | 'membership';

/** What of the ground a fault needs. */
export type Need = 'network' | 'shim' | 'mounts' | 'shares';

export interface Stage {
  readonly cluster: Cluster;
  /** Undefined on loopback. */
  readonly network: Network | undefined;
  /** Where client processes are. */
  readonly clientPlaces: readonly string[];
  /** The prefix of what is made outside of the run's folder. */
  readonly name: string;
  readonly shards: number;
  /** Something that must not be. */
  readonly fail: (what: string, text: string) => void;
}

export interface Fault {
  readonly name: string;
  readonly family: Family;
  readonly needs: readonly Need[];
  /** How long it lasts. */
  readonly seconds: readonly [min: number, max: number];
  /**
   * It takes a copy of the data, or changes members: it comes alone, and the next one waits until
   * the cluster is healthy, for more losses at a time are more than is promised.
   */
  readonly isGrave: boolean;
  /** At least so many nodes. */
  readonly nodesMin?: number;
  begin(stage: Stage, random: Random): Promise<Running>;
}

export interface Running {
  /** Whom it met. */
  readonly target: string;
  /** True if it was seen to bite. */
  heal(): Promise<boolean>;
}

/** The leader of a shard that is drawn; any node if none leads. */
export async function leaderOr(stage: Stage, random: Random): Promise<Host> {
  const shard = 1 + random.below(stage.shards);
  const any = random.pick([...stage.cluster.hosts]);
  return (await stage.cluster.leaderOf(shard)) ?? any;
}

export function namesOf(hosts: readonly Host[]): string {
  return hosts.map(({ name }) => name).join(' ');
}
