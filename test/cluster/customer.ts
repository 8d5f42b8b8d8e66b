/** A process that uses the client library's core, and the history of what it saw. */

import type { Random } from '../../src/base/random.ts';
import type { Call } from '../../src/client/core/call.ts';
import { Core } from '../../src/client/core/core.ts';
import type { Failure } from '../../src/client/core/settled.ts';
import type { Command } from '../../src/machine/command.ts';
import { ClientLine } from '../../src/transport/client-line.ts';
import type { Outcome } from '../checkers/model.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
} from '../checkers/register-operation.ts';
import { type Surroundings, scheduleOf } from './surroundings.ts';

const TICK_MILLISECONDS = 10;
const utf8 = new TextEncoder();
const text = new TextDecoder();

interface CustomerOptions {
  readonly number: number;
  readonly surroundings: Surroundings;
  readonly urls: readonly string[];
  readonly keys: readonly string[];
  readonly history: RegisterOperation[];
}

export class Customer {
  readonly #options: CustomerOptions;
  readonly #random: Random;
  readonly #core: Core;
  readonly #lines = new Map<number, ClientLine>();
  #isFlushing = false;
  #values = 0;
  isStopping = false;
  isIdle = true;
  /** Calls that ended, by how. */
  readonly ended = { ok: 0, failed: 0, unknown: 0 };

  constructor(options: CustomerOptions) {
    this.#options = options;
    const { surroundings, number, urls } = options;
    const { random, agenda, network } = surroundings;
    this.#random = random.fork(`customer ${number}`);
    const client = Uint8Array.from({ length: 16 }, () => this.#random.below(256));
    const name = `customer-${number}`;
    this.#core = new Core({
      port: {
        dial: (connection, url) => {
          const line = new ClientLine({
            sockets: network.host(name),
            schedule: scheduleOf(agenda, () => true),
            url,
            cluster: '',
            features: [],
            onEvent: (event) => {
              const now = agenda.now;
              if (event.type === 'frame') {
                this.#core.step({ type: 'frame', connection, bytes: event.bytes, now });
              } else if (event.type === 'up') {
                const { cluster, node, limits } = event.hello;
                const greeting = { cluster, node, limits };
                this.#core.step({ type: 'up', connection, greeting, now });
              } else {
                this.#lines.delete(connection);
                this.#core.step({ type: 'down', connection, reason: event.reason, now });
              }
              this.#flushSoon();
            },
          });
          this.#lines.set(connection, line);
        },
        hangUp: (connection) => {
          this.#lines.get(connection)?.close();
          this.#lines.delete(connection);
        },
        send: (connection, bytes) => {
          this.#lines.get(connection)?.send(bytes);
        },
      },
      urls,
      client,
      random: this.#random.fork('core'),
      balance: 'round-robin',
      now: agenda.now,
    });
    this.#tick();
  }

  /** One call after the other until it is told to stop. */
  work(): void {
    this.isIdle = false;
    if (this.isStopping) {
      this.isIdle = true;
      return;
    }
    const { agenda } = this.#options.surroundings;
    const key = this.#random.pick(this.#options.keys);
    const input = this.#drawInput();
    this.run(key, input, () => agenda.after(this.#random.between(1, 60), () => this.work()));
  }

  run(key: string, input: RegisterInput, done: (operation: RegisterOperation) => void): void {
    const { agenda } = this.#options.surroundings;
    const { number, history } = this.#options;
    const invoke = agenda.now;
    const end = (outcome: Outcome, output: RegisterOutput | undefined) => {
      this.ended[outcome] += 1;
      const isOpen = outcome === 'unknown';
      const operation: RegisterOperation = {
        client: number,
        key,
        invoke,
        return: isOpen ? Number.POSITIVE_INFINITY : agenda.now,
        input,
        output,
        outcome,
      };
      history.push(operation);
      done(operation);
    };
    this.#core.step({ type: 'call', call: callOf(utf8.encode(key), input, end), now: agenda.now });
    this.#flushSoon();
  }

  #drawInput(): RegisterInput {
    this.#values += 1;
    const value = `${this.#options.number}.${this.#values}`;
    const dice = this.#random.fraction();
    if (dice < 0.4) return { kind: 'read' };
    if (dice < 0.6) return { kind: 'write', value };
    return { kind: 'append', element: value };
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const { agenda } = this.#options.surroundings;
    agenda.after(0.01, () => {
      this.#isFlushing = false;
      this.#core.step({ type: 'flush', now: agenda.now });
    });
  }

  #tick(): void {
    const { agenda } = this.#options.surroundings;
    agenda.after(TICK_MILLISECONDS, () => {
      this.#core.step({ type: 'tick', now: agenda.now });
      this.#flushSoon();
      this.#tick();
    });
  }
}

type End = (outcome: Outcome, output: RegisterOutput | undefined) => void;

const TIMEOUT = { timeoutMilliseconds: 5000 };

function callOf(key: Uint8Array, input: RegisterInput, end: End): Call {
  if (input.kind === 'read') {
    return {
      type: 'read',
      keys: [key],
      level: { type: 'linearizable' },
      ...TIMEOUT,
      settle: (result) => {
        if (result.type === 'failed') return end('failed', undefined);
        const row = result.rows[0];
        const value = row === undefined ? undefined : text.decode(row.value);
        end('ok', { kind: 'value', value: value === '' ? undefined : value?.slice(1) });
      },
    };
  }
  return {
    type: 'write',
    command: commandOf(key, input),
    ...TIMEOUT,
    settle: (result) => {
      if (result.type === 'failed') return end(outcomeOf(result), undefined);
      end('ok', { kind: 'written' });
    },
  };
}

/** Values begin with a comma, so that appending makes a list of what the model makes one of. */
function commandOf(key: Uint8Array, input: RegisterInput): Command {
  switch (input.kind) {
    case 'write':
      return [
        { type: 'put', key, value: utf8.encode(`,${input.value ?? ''}`), lifeMilliseconds: 0 },
      ];
    case 'append':
      return [{ type: 'append', key, value: utf8.encode(`,${input.element}`) }];
    default:
      throw new RangeError(`${input.kind} is no write of this workload`);
  }
}

function outcomeOf({ outcome }: Failure): Outcome {
  return outcome === 'notApplied' ? 'failed' : 'unknown';
}
