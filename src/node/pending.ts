/** The transactions that wait on a node, as operators see them. */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { ClusterMap } from '../catalog/cluster-map.ts';
import { shardAt } from '../catalog/questions.ts';
import type { Participant } from '../machine/transaction.ts';
import { type Contender, idText } from '../machine/transaction-id.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { NodeState } from './node-state.ts';
import type { TransactionService } from './transaction-service.ts';

/** A transaction that locks keys in a shard, or that is decided and not acknowledged everywhere. */
interface PendingTransaction {
  readonly id: string;
  /** The reporting shard, whose leader was asked. */
  readonly shard: number;
  readonly state: 'prepared' | 'committed' | 'aborted';
  /** How long it has been in this state, in the shard's log time. */
  readonly milliseconds: number;
  /** Log time of its home shard when its first attempt began. */
  readonly age: number;
  /** By shard, the home shard first; needed to end the transaction by hand. */
  readonly participants: readonly PendingParticipant[];
  /** Keys that it locks in this shard. */
  readonly keys: number;
  /** The stage of its coordinator, if that runs on this node; else empty. */
  readonly stage: string;
  /** Participants that have not acknowledged, if this node is sending the decision. */
  readonly unheard: number;
}

interface PendingParticipant {
  readonly shard: number;
  readonly position: number;
  readonly deadline: number;
}

export interface PendingTransactions {
  readonly node: number;
  /** Their number; of many, only some are listed. */
  readonly total: number;
  readonly transactions: readonly PendingTransaction[];
}

/** Of the shards that the node leads. */
export function pendingOf(node: NodeState, transactions: TransactionService): PendingTransactions {
  const found: PendingTransaction[] = [];
  let total = 0;
  let participantsLeft: number = TRANSACTION_LIMITS.toldParticipantsMax;
  for (const replica of node.replicas.all) {
    const { machine, shard } = replica;
    if (!replica.isLeader || !(machine instanceof DataMachine)) continue;
    const { lockTable, decisions } = machine;
    const home = transactions.homeOf(shard);
    total += lockTable.size + decisions.size;
    const tell = (one: Told, state: PendingTransaction['state'], keys: number) => {
      const isMuch = one.participants.length > participantsLeft;
      if (isMuch || found.length >= TRANSACTION_LIMITS.toldMax) return;
      participantsLeft -= one.participants.length;
      found.push({
        id: idText(one.id),
        shard,
        state,
        milliseconds: Math.max(0, replica.logTime - one.since),
        age: one.age,
        participants: participantsOf(node.map, one.participants),
        keys,
        stage: home?.stageOf(one.id) ?? '',
        unheard: home?.waitsFor(one.id) ?? 0,
      });
    };
    for (const part of lockTable.all()) tell(part, 'prepared', part.keys.length);
    for (const one of decisions.all()) tell(one, one.isCommitted ? 'committed' : 'aborted', 0);
  }
  return { node: node.self.node, total, transactions: found };
}

interface Told extends Contender {
  readonly since: number;
  readonly participants: readonly Participant[];
}

function participantsOf(
  map: ClusterMap | undefined,
  participants: readonly Participant[],
): readonly PendingParticipant[] {
  return participants.map(({ position, deadline }) => {
    return { shard: (map && shardAt(map, position).shard) ?? 0, position, deadline };
  });
}
