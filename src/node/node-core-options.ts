/** What a node is made of: its folder, its ports, and its callbacks. */

import type { RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Log } from '../storage/log/log.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import type { Transport } from '../transport/transport.ts';
import type { Secret } from '../wire/proof.ts';
import type { EndReason, NodeFact, SelfDescription } from './node-parts.ts';
import type { PendingTransactions } from './pending.ts';
import type { NodeInfo } from './status.ts';

export interface NodeCoreOptions {
  readonly self: SelfDescription;
  readonly log: Log;
  readonly disk: StateDisk;
  readonly transport: Transport;
  readonly random: Random;
  readonly limits?: RaftLimits;
  readonly valueBytesMax?: number;
  /** The cluster secret; absent for none. */
  readonly secret?: Secret;
  /** The monotone clock and the wall clock at the start, in milliseconds. */
  readonly now: number;
  readonly wall: number;
  /** The map that a former life kept; no bytes for none. */
  readonly map: Uint8Array;
  /**
   * There are addresses to ask beside those in the map. Meanwhile this node does not confirm itself
   * on its own: until `standing.heardOut`, or until a timeout.
   */
  readonly isEnquiring?: boolean;
  /** There is work: a turn should end soon. */
  readonly onWork: () => void;
  /** A newer map arrived: a copy should be kept. */
  readonly onMap: (bytes: Uint8Array) => void;
  /** Encodes what a node reports about itself, as JSON. */
  readonly encodeInfo: (info: NodeInfo | PendingTransactions) => Uint8Array;
  readonly onFact: (fact: NodeFact) => void;
  /** The node has no place in the cluster: the process has to end. */
  readonly onEnd: (reason: EndReason, text: string) => void;
}
