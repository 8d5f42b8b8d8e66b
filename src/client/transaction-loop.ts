/** Running a transaction's function until it comes to something, or until its time is over. */

import { CLIENT_LIMITS } from '../base/client-limits.ts';
import { KvError } from '../base/errors.ts';
import type { Priority } from './core/call.ts';
import { keyText } from './core/call-failure.ts';
import { BACKOFF, backoffAfter } from './core/retry-policy.ts';
import { Deadline } from './deadline.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import { invalid, levelOf, type Read, timeoutOf } from './options.ts';
import { Transaction, type TransactionOptions } from './transaction.ts';
import { type Conclusion, Run } from './transaction-run.ts';

/** May be run several times, so it changes nothing but through the transaction. */
type Work<V, T> = (tx: Transaction<V>) => Promise<T> | T;

interface LoopParts<V> {
  readonly engine: Engine;
  readonly encoding: Encoding<V>;
  readonly defaults: { readonly timeout: number; readonly read: Read };
}

/** What the run that took effect returned, or threw after all that it read was true. */
export async function runTransaction<V, T>(
  work: Work<V, T>,
  { engine, encoding, defaults }: LoopParts<V>,
  options: TransactionOptions,
): Promise<T> {
  const runsMax = runsMaxOf(options.attempts);
  const milliseconds = timeoutOf(options.timeout, defaults.timeout);
  const deadline = new Deadline({ now: engine.now, milliseconds, signal: options.signal });
  const level = levelOf(typeof defaults.read === 'string' ? defaults.read : 'linearizable');
  const priority: Priority = { attempts: 0, age: undefined };
  const rivalries = new Rivalries();
  for (;;) {
    const run = new Run({ engine, level, deadline, priority });
    const end = await runOnce(work, { run, encoding, deadline, rivalries });
    if (end.type === 'value') return end.value;
    rivalries.add(end.key);
    priority.attempts = rivalries.count;
    if (rivalries.count >= runsMax) throw rivalries.error;
    const pause = backoffAfter(rivalries.count - 1, BACKOFF.contention, engine.random);
    // Who was kept waiting for the refusal has rested: there is a line where many want the same.
    const atLeast = BACKOFF.contention.min * engine.random.fraction();
    await deadline.rest(Math.max(atLeast, pause - end.waitedMilliseconds));
    if (deadline.isOver) throw deadline.endOf(rivalries.error);
  }
}

type End<T> =
  | { readonly type: 'value'; readonly value: T }
  | (Extract<Conclusion, { type: 'conflict' }> & { readonly waitedMilliseconds: number });

interface RunTerms<V> {
  readonly run: Run;
  readonly encoding: Encoding<V>;
  readonly deadline: Deadline;
  readonly rivalries: Rivalries;
}

async function runOnce<V, T>(work: Work<V, T>, terms: RunTerms<V>): Promise<End<T>> {
  const { run, encoding, deadline } = terms;
  const working = (async () => work(new Transaction<V>(run, encoding)))();
  let value: T;
  try {
    value = await deadline.wait(working);
  } catch (error) {
    run.readWriteSet.end();
    if (deadline.isOver) throw await whyOver(error, terms);
    // What it read may never have been true together: then the error means nothing.
    const conclusion = await run.validate().catch((): Conclusion => ({ type: 'holds' }));
    if (conclusion.type === 'holds') throw error;
    return { ...conclusion, waitedMilliseconds: 0 };
  }
  run.readWriteSet.end();
  const left = deadline.millisecondsLeft;
  const conclusion = await run.commit();
  if (conclusion.type === 'holds') return { type: 'value', value };
  return { ...conclusion, waitedMilliseconds: left - deadline.millisecondsLeft };
}

/** A question that the cluster did not answer says more than that the time is over. */
async function whyOver<V>(error: unknown, terms: RunTerms<V>): Promise<unknown> {
  const { run, deadline, rivalries } = terms;
  const unanswered = await run.openFailure();
  return deadline.endOf(unanswered ?? (rivalries.count > 0 ? rivalries.error : error));
}

/** How often others were in the way, and at which keys. */
class Rivalries {
  count = 0;
  readonly #keys = new Set<string>();

  add(key: Uint8Array | undefined): void {
    this.count += 1;
    const isRoom = this.#keys.size < CLIENT_LIMITS.contendedKeysKept;
    if (key !== undefined && isRoom) this.#keys.add(keyText(key));
  }

  get error(): KvError {
    const keys = [...this.#keys].join(', ') || 'keys that are not known';
    const message =
      `other transactions wrote or held ${keys} each time the function was run, ` +
      `runs: ${this.count}`;
    return new KvError({ code: 'contended', outcome: 'notApplied', message });
  }
}

function runsMaxOf(attempts: number | undefined): number {
  const max = CLIENT_LIMITS.transactionRunsMax;
  const chosen = attempts ?? max;
  if (Number.isSafeInteger(chosen) && chosen > 0 && chosen <= max) return chosen;
  throw invalid(`attempts is ${chosen}, it may be any whole number from 1 to ${max}`);
}
