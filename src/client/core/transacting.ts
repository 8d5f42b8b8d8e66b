/** Commands over several shards: which of them are begun at all, and under which terms. */

import { present } from '../../base/assert.ts';
import type { Command } from '../../machine/command.ts';
import type { Moments } from './absence.ts';
import type { Admission } from './admission.ts';
import type { Priority, SeenRange } from './call.ts';
import type { CallContext } from './call-context.ts';
import { ShardSplit } from './shard-split.ts';
import { type TransactListener, TransactRequest } from './transact-request.ts';

export interface TransactingTerms {
  readonly command: Command;
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  /** Of a caller that tries again by himself, who is told of contention at once. */
  readonly priority: Priority | undefined;
  readonly expiresAt: number;
  readonly requester: TransactListener;
}

interface TransactingMeans extends CallContext {
  readonly admission: Admission;
}

/** Required: it locks a key. */
export function startTransaction(
  { command, ranges, moments, priority, expiresAt, requester }: TransactingTerms,
  { routing, sessions, admission, submit }: TransactingMeans,
): void {
  const shardOf = (key: Uint8Array) => routing.shardOf(key);
  const split = new ShardSplit({ command, ranges, moments, shardOf });
  const refusal = admission.refusalOfTransaction(split);
  if (refusal !== undefined) return requester.onFailure(refusal);
  submit(
    new TransactRequest({
      requester,
      split,
      priority: priority ?? { attempts: 0, age: undefined },
      isOnce: priority !== undefined,
      expiresAt,
      sessions,
      submit,
      epochOf: (shard) => present(routing.rowOf(shard), 'a shard stays on the map').epoch,
    }),
  );
}
