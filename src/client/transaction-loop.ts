/** The transaction loop: runs the function until a run commits, or until the timeout. */

import { KvError } from '../base/errors.ts';
import { typeNameOf } from '../base/type-name.ts';
import type { Check, Command } from '../machine/command.ts';
import type { Done, Priority } from './core/call.ts';
import { keyText } from './core/call-failure.ts';
import { BACKOFF, backoffAfter } from './core/retry-policy.ts';
import { Deadline } from './deadline.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import { CLIENT_LIMITS } from './limits.ts';
import { checkOptions } from './option-checks.ts';
import { invalid, levelOf, type Read, timeoutOf } from './options.ts';
import { RunningTransaction } from './running-transaction.ts';
import type { Transaction, TransactionOptions } from './transaction.ts';
import { type Conclusion, Run } from './transaction-run.ts';

/** May run several times, so it must have no effects except through the transaction. */
type Work<V, T> = (tx: Transaction<V>) => Promise<T> | T;

interface LoopParts<V> {
  readonly engine: Engine;
  readonly encoding: Encoding<V>;
  readonly defaults: { readonly timeout: number; readonly read: Read };
}

/** Ends with what the committed run returned, or throws what a run threw whose reads hold. */
export async function runTransaction<V, T>(
  work: Work<V, T>,
  { engine, encoding, defaults }: LoopParts<V>,
  options: TransactionOptions,
): Promise<Committing<T>> {
  checkOptions('transaction', options, 'transaction');
  if (typeof work !== 'function') {
    throw invalid(`transaction runs a function (got ${typeNameOf(work)})`);
  }
  const runsMax = runsMaxOf(options.attempts);
  const milliseconds = timeoutOf(options.timeout, defaults.timeout);
  const { now, schedule } = engine;
  const deadline = new Deadline({ schedule, now, milliseconds, signal: options.signal });
  const level = levelOf(typeof defaults.read === 'string' ? defaults.read : 'linearizable');
  const priority: Priority = { attempts: 0, age: undefined };
  const conflicts = new Conflicts();
  for (;;) {
    const run = new Run({ engine, level, deadline, priority });
    const end = await runOnce(work, { run, encoding, deadline, conflicts });
    if (end.type === 'value') {
      const { command } = run.readWriteSet;
      return { ...end, command, attempts: conflicts.count + 1 };
    }
    if (end.type === 'demand-failed') throw demandFailed(end.check);
    conflicts.add(end.key);
    priority.attempts = conflicts.count;
    if (conflicts.count >= runsMax) throw conflicts.error;
    const pause = backoffAfter(conflicts.count - 1, BACKOFF.contention, engine.random);
    // The time that the commit waited in a contention queue counts as backoff.
    const atLeast = BACKOFF.contention.min * engine.random.fraction();
    await deadline.rest(Math.max(atLeast, pause - end.waitedMilliseconds));
    if (deadline.isOver) throw deadline.endOf(conflicts.error);
  }
}

/** A transaction that took effect, and its result; without one if it wrote nothing. */
interface Committing<T> {
  readonly value: T;
  readonly command: Command;
  readonly done: Done | undefined;
  readonly attempts: number;
}

type End<T> =
  | { readonly type: 'value'; readonly value: T; readonly done: Done | undefined }
  | (Exclude<Conclusion, { type: 'holds' }> & { readonly waitedMilliseconds: number });

interface RunTerms<V> {
  readonly run: Run;
  readonly encoding: Encoding<V>;
  readonly deadline: Deadline;
  readonly conflicts: Conflicts;
}

async function runOnce<V, T>(work: Work<V, T>, terms: RunTerms<V>): Promise<End<T>> {
  const { run, encoding, deadline } = terms;
  const working = (async () => work(new RunningTransaction<V>(run, encoding)))();
  let value: T;
  try {
    value = await deadline.wait(working);
    const { readWriteSet } = run;
    if (readWriteSet.writes.count === 0) await deadline.wait(readWriteSet.readAbsences());
  } catch (error) {
    run.readWriteSet.end();
    if (deadline.isOver) throw await whyOver(error, terms);
    // If what it read was not true at one moment, the error means nothing.
    const conclusion = await run.validate().catch(() => undefined);
    if (conclusion === undefined || conclusion.type === 'holds') throw error;
    return { ...conclusion, waitedMilliseconds: 0 };
  }
  run.readWriteSet.end();
  const left = deadline.millisecondsLeft;
  const conclusion = await run.commit();
  if (conclusion.type === 'holds') return { type: 'value', value, done: conclusion.done };
  return { ...conclusion, waitedMilliseconds: left - deadline.millisecondsLeft };
}

/** The failure of an open read says more than that the time is over. */
async function whyOver<V>(error: unknown, terms: RunTerms<V>): Promise<unknown> {
  const { run, deadline, conflicts } = terms;
  const unanswered = await run.openFailure();
  return deadline.endOf(unanswered ?? (conflicts.count > 0 ? conflicts.error : error));
}

function demandFailed(check: Check): KvError {
  const wanted = check.type === 'check-version' && check.version > 0 ? check.version : 'absent';
  const state = wanted === 'absent' ? 'exists' : `does not have version ${wanted}`;
  const message = `a check of the transaction failed: ${keyText(check.key)} ${state}`;
  return new KvError({ code: 'check-failed', outcome: 'notApplied', message });
}

/** The conflicts with other transactions so far, and their keys. */
class Conflicts {
  count = 0;
  readonly #keys = new Set<string>();

  add(key: Uint8Array | undefined): void {
    this.count += 1;
    const isRoom = this.#keys.size < CLIENT_LIMITS.contendedKeysKept;
    if (key !== undefined && isRoom) this.#keys.add(keyText(key));
  }

  get error(): KvError {
    const keys = [...this.#keys].join(', ') || 'keys that are not known';
    const runs = `in each of ${this.count} runs of the function`;
    const message = `other transactions wrote or held ${keys} ${runs}`;
    return new KvError({ code: 'contended', outcome: 'notApplied', message });
  }
}

function runsMaxOf(attempts: number | undefined): number {
  const max = CLIENT_LIMITS.transactionRunsMax;
  const chosen = attempts ?? max;
  if (Number.isSafeInteger(chosen) && chosen > 0 && chosen <= max) return chosen;
  throw invalid(`attempts must be an integer from 1 to ${max} (got ${chosen})`);
}
