/** Commands over several shards: which of them are begun at all, and under which terms. */

import { present } from '../../base/assert.ts';
import type { Command } from '../../machine/command.ts';
import type { Moments } from './absence.ts';
import type { Admission } from './admission.ts';
import type { Contest, SeenRange } from './call.ts';
import { Division } from './division.ts';
import type { Means } from './means.ts';
import { type TransactAsker, TransactErrand } from './transact-errand.ts';

export interface TransactingTerms {
  readonly command: Command;
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  /** Of a caller that tries again by himself, who is told of contention at once. */
  readonly contest: Contest | undefined;
  readonly expiresAt: number;
  readonly requester: TransactAsker;
}

interface TransactingMeans extends Means {
  readonly admission: Admission;
}

/** Required: it locks a key. */
export function startTransaction(
  { command, ranges, moments, contest, expiresAt, requester }: TransactingTerms,
  { routing, sessions, admission, submit }: TransactingMeans,
): void {
  const shardOf = (key: Uint8Array) => routing.shardOf(key);
  const division = new Division({ command, ranges, moments, shardOf });
  const refusal = admission.refusalOfTransaction(division);
  if (refusal !== undefined) return requester.onFailure(refusal);
  submit(
    new TransactErrand({
      requester,
      division,
      contest: contest ?? { attempts: 0, age: undefined },
      isOnce: contest !== undefined,
      expiresAt,
      sessions,
      submit,
      epochOf: (shard) => present(routing.rowOf(shard), 'a shard stays on the map').epoch,
    }),
  );
}
