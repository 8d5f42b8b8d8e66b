/** Keys that many read, write, delete, append to and swap: each is linearizable. */

import type { Call, ReadCall } from '../../src/client/core/call.ts';
import type { Command } from '../../src/machine/command.ts';
import type { Row } from '../../src/machine/row.ts';
import { checkLinearizability } from '../checkers/linearizability.ts';
import type { Outcome } from '../checkers/model.ts';
import { REGISTER } from '../checkers/register.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
} from '../checkers/register-operation.ts';
import type { Probes } from '../sim/probes.ts';
import { bytesOf, type Customer, textOf, type WriteRecord } from './customer.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

interface RegistersOptions {
  readonly keys: readonly string[];
  /** The read levels: in one history, since both promise the same. */
  readonly levels: readonly ReadCall['level'][];
  readonly probes: Probes;
}

export class Registers implements Workload {
  readonly #options: RegistersOptions;
  readonly history: RegisterOperation[] = [];
  /** The last seen value of each key: the expected value of a swap. */
  readonly #seen = new Map<string, string | undefined>();
  #values = 0;

  constructor(options: RegistersOptions) {
    this.#options = options;
  }

  step(customer: Customer, done: () => void): void {
    const key = customer.random.pick(this.#options.keys);
    this.run(customer, { key, input: this.#draw(customer, key) }, done);
  }

  finish(customer: Customer, done: () => void): void {
    const each = (key: string, next: () => void) => {
      const before = this.history.length;
      this.run(customer, { key, input: { kind: 'read' } }, () => {
        const { outcome } = this.history[before] ?? { outcome: 'failed' };
        // The check of liveness looks at the calls that were not answered.
        if (outcome === 'ok') next();
      });
    };
    inTurn(this.#options.keys, each, done);
  }

  judge(truth: Truth): void {
    const report = checkLinearizability(this.history, REGISTER);
    if (report.verdict === 'violation') {
      truth.fail('linearizability', `${report.key}:\n${report.lines.join('\n')}`);
    }
    if (report.verdict === 'unknown') this.#options.probes.hit('linearizability undecided');
  }

  run(
    customer: Customer,
    { key, input }: { readonly key: string; readonly input: RegisterInput },
    done: () => void,
  ): void {
    const invoke = customer.now;
    const end = (outcome: Outcome, output: RegisterOutput | undefined) => {
      if (output?.kind === 'value') this.#seen.set(key, output.value);
      if (output?.kind === 'swapped') customer.hit(output.isSwapped ? 'swapped' : 'swap refused');
      this.history.push({
        client: customer.number,
        key,
        invoke,
        return: outcome === 'unknown' ? Number.POSITIVE_INFINITY : customer.now,
        input,
        output,
        outcome,
      });
      done();
    };
    if (input.kind === 'read') return this.#read(customer, key, end);
    customer.write(commandOf(bytesOf(key), input), (record) => {
      end(record.outcome, outputOf(input, record));
    });
  }

  #read(customer: Customer, key: string, end: End): void {
    const level = customer.random.pick(this.#options.levels);
    customer.call<Extract<Call, { type: 'read' }>>(
      { type: 'read', keys: [bytesOf(key)], level, isJoint: false },
      (result) => {
        if (result.type === 'failed') return end('failed', undefined);
        customer.hit(`read ${level.type}`);
        end('ok', { kind: 'value', value: listIn(result.rows[0]) });
      },
    );
  }

  #draw(customer: Customer, key: string): RegisterInput {
    this.#values += 1;
    const value = `${customer.number}.${this.#values}`;
    const dice = customer.random.fraction();
    if (dice < 0.4) return { kind: 'read' };
    if (dice < 0.55) return { kind: 'write', value };
    if (dice < 0.6) return { kind: 'write', value: undefined };
    if (dice < 0.75) return { kind: 'cas', expected: this.#seen.get(key), value };
    return { kind: 'append', element: value };
  }
}

type End = (outcome: Outcome, output: RegisterOutput | undefined) => void;

/** Values begin with a comma, so that appends make a list of what the model holds as one. */
function commandOf(key: Uint8Array, input: RegisterInput): Command {
  switch (input.kind) {
    case 'write':
      return input.value === undefined ? [{ type: 'delete', key }] : [putOf(key, input.value)];
    case 'append':
      return [{ type: 'append', key, value: bytesOf(`,${input.element}`), lifeMilliseconds: 0 }];
    case 'cas': {
      const { expected, value } = input;
      const check =
        expected === undefined
          ? ({ type: 'check-presence', key, isThere: false } as const)
          : ({ type: 'check-value', key, value: bytesOf(`,${expected}`) } as const);
      return [check, putOf(key, value ?? '')];
    }
    default:
      throw new RangeError(`${input.kind} writes nothing`);
  }
}

function putOf(key: Uint8Array, value: string): Command[number] {
  return { type: 'set', key, value: bytesOf(`,${value}`), lifeMilliseconds: 0 };
}

function outputOf(input: RegisterInput, { reply }: WriteRecord): RegisterOutput | undefined {
  if (reply === undefined) return undefined;
  if (input.kind !== 'cas') return { kind: 'written' };
  return { kind: 'swapped', isSwapped: reply.type === 'done' };
}

function listIn(row: Row | undefined): string | undefined {
  return row === undefined ? undefined : textOf(row.value).slice(1);
}
