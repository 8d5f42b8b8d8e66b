/** What clients, networks and leaders do to a shard: batches come late, twice, crosswise. */

import { compareBytes } from '../../src/base/bytes.ts';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Command, CommandBatch, Operation } from '../../src/machine/command.ts';
import { dueKeyOf } from '../../src/machine/due-key.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import { encodeInteger, type Int64, int64From } from '../../src/machine/int64.ts';
import { stampOf } from '../support/stamp.ts';
import { bytesOf, clientOf, EPOCH, WHOLE } from './machine-rig.ts';
import { Numbering } from './numbering.ts';
import { bytesOfStep, type Step, StepTraffic } from './step-traffic.ts';

/** Above what a shard under test may have adopted before. */
const FIRST_EPOCH = EPOCH + 1;
const CLIENTS = 5;
const KEYS = 24;
const POOL = 60;
const EDGES = [0n, 1n, -1n, 127n, 128n, 255n, 256n, 65_535n, 65_536n, 2n ** 31n, 2n ** 32n];
const LARGE = [2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 33n)];

export interface Proposed {
  readonly time: number;
  readonly epoch: number;
  readonly body: EntryBody;
  readonly payload: Uint8Array;
  /** What the batch in it says, if it is one. */
  readonly batch: CommandBatch | undefined;
  /** What it says of a transaction, if it does. */
  readonly step: Step | undefined;
}

interface Sent {
  readonly bytes: Uint8Array;
  readonly batch: CommandBatch;
}

/** An endless stream of entries. Every copy of a batch has the same bytes. */
export class Traffic {
  readonly #random: Random;
  readonly #clients: Numbering[] = [];
  /** Batches that the network may bring once more. */
  readonly #pool: Sent[] = [];
  readonly #steps: StepTraffic;
  #clock = 1_000_000;
  #epoch = FIRST_EPOCH;

  constructor(random: Random) {
    this.#random = random;
    for (let at = 0; at < CLIENTS; at++) this.#clients.push(new Numbering());
    this.#steps = new StepTraffic({
      random,
      clients: this.#clients,
      deadline: () => this.#deadline(),
      command: () => this.#command(),
      now: () => this.#clock,
    });
  }

  first(): Proposed {
    return this.#proposed({ type: 'adopt', epoch: FIRST_EPOCH, arc: WHOLE });
  }

  next(): Proposed {
    const random = this.#random;
    this.#passTime();
    const dice = random.fraction();
    if (dice < 0.04) return this.#proposed({ type: 'expire', dueKeys: this.#dueKeys() });
    if (dice < 0.07) return this.#proposed({ type: 'forget', clients: this.#forgotten() });
    if (dice < 0.073) {
      const isNew = random.chance(0.5);
      if (isNew) this.#epoch += 1;
      const epoch = isNew ? this.#epoch : 1 + random.below(this.#epoch);
      return this.#proposed({ type: 'adopt', epoch, arc: WHOLE });
    }
    if (dice < 0.076) {
      return this.#proposed({ type: 'record-changes', milliseconds: 1 + random.below(1000) });
    }
    if (random.chance(0.35)) {
      const step = this.#steps.next();
      return this.#proposed({ type: step.type, bytes: bytesOfStep(step) }, { step });
    }
    const sent = dice < 0.4 && this.#pool.length > 0 ? random.pick(this.#pool) : this.#newBatch();
    return this.#proposed({ type: 'batch', batch: sent.bytes }, sent);
  }

  /** Mostly forward by little, sometimes by much; at times a leader whose clock is behind. */
  #passTime(): void {
    const random = this.#random;
    if (random.chance(0.5)) this.#clock += random.below(10);
    if (random.chance(0.01)) this.#clock += random.below(3000);
    if (random.chance(0.01)) this.#clock -= random.below(2000);
    if (random.chance(0.0005)) this.#clock += MACHINE_LIMITS.timeoutMillisecondsMax;
  }

  #proposed(body: EntryBody, what: { batch?: CommandBatch; step?: Step } = {}): Proposed {
    const epoch = this.#random.chance(0.03) ? this.#epoch - 1 : this.#epoch;
    const payload = encodeEntry(stampOf({ time: this.#clock, epoch }), body);
    return { time: this.#clock, epoch, body, payload, batch: what.batch, step: what.step };
  }

  #newBatch(): Sent {
    const random = this.#random;
    const number = random.below(CLIENTS);
    const client = this.#clients[number] as Numbering;
    const commands = Array.from({ length: 1 + random.below(4) }, () => {
      return random.chance(0.05) ? [] : this.#command();
    });
    if (commands.every(({ length }) => length === 0)) commands.push(this.#command());
    // Any of those that are open is over; what was sent of it before may still come again.
    while (client.count > 8) client.close(client.openAt(random.below(client.count)));
    const batch: CommandBatch = {
      client: clientOf(number),
      deadline: this.#deadline(),
      sequence: client.take(),
      commands,
    };
    const sent = { bytes: encodeBatch(batch), batch };
    if (this.#pool.length < POOL) this.#pool.push(sent);
    else this.#pool[random.below(POOL)] = sent;
    return sent;
  }

  #deadline(): number {
    const random = this.#random;
    if (random.chance(0.02)) return this.#clock + MACHINE_LIMITS.timeoutMillisecondsMax + 1;
    if (random.chance(0.02)) return Math.max(0, this.#clock - random.below(50));
    return this.#clock + random.below(5000);
  }

  #key(): Uint8Array {
    return bytesOf(`key ${this.#random.below(KEYS)}`);
  }

  #command(): Command {
    const random = this.#random;
    const operations: Operation[] = [];
    while (operations.length < 4 && random.chance(0.4)) operations.push(this.#look());
    do operations.push(this.#write());
    while (operations.length < 6 && random.chance(0.3));
    return random.shuffle(operations);
  }

  #look(): Operation {
    const random = this.#random;
    const key = this.#key();
    switch (random.below(5)) {
      case 0:
        return { type: 'check-version', key, version: random.below(3) };
      case 1:
        return { type: 'check-value', key, value: this.#value() };
      case 2:
        return { type: 'check-presence', key, isThere: random.chance(0.7) };
      default:
        return { type: 'get', key };
    }
  }

  #write(): Operation {
    const random = this.#random;
    const key = this.#key();
    const lifeMilliseconds = random.chance(0.3) ? 1 + random.below(400) : 0;
    switch (random.below(9)) {
      case 0:
        return { type: 'delete', key };
      case 1:
        return {
          type: 'append',
          key,
          value: bytesOf('.'.repeat(random.below(3))),
          lifeMilliseconds,
        };
      case 8:
        return { type: 'touch', key, lifeMilliseconds };
      case 2:
      case 3:
        return {
          type: random.pick(['add', 'min', 'max']),
          key,
          operand: this.#integer(),
          lifeMilliseconds,
        };
      default:
        return { type: 'set', key, value: this.#value(), lifeMilliseconds };
    }
  }

  #integer(): Int64 {
    const random = this.#random;
    const edge = random.pick(random.chance(0.2) ? LARGE : EDGES);
    return int64From(random.chance(0.5) ? edge : edge + BigInt(random.between(-2, 2)));
  }

  #value(): Uint8Array {
    const random = this.#random;
    if (random.chance(0.6)) return encodeInteger(this.#integer());
    return bytesOf('x'.repeat(random.below(4)));
  }

  /** Right ones and wrong ones, in order. */
  #dueKeys(): Uint8Array[] {
    const list = Array.from({ length: this.#random.below(40) }, () => {
      const expiresAt = this.#clock + this.#random.between(-420, 60);
      return dueKeyOf({ expiresAt, key: this.#key() });
    });
    return strictly(list);
  }

  #forgotten(): Uint8Array[] {
    return strictly([0, 1].map(() => clientOf(this.#random.below(CLIENTS + 1))));
  }
}

function strictly(list: readonly Uint8Array[]): Uint8Array[] {
  return [...list]
    .sort(compareBytes)
    .filter((bytes, at, all) => at === 0 || compareBytes(all[at - 1] as Uint8Array, bytes) !== 0);
}
