/**
 * Steps of transactions as a shard may meet them: in any order, many times, from coordinators that
 * contradict each other. Only what the client said is the same in all copies.
 */

import type { Random } from '../../src/base/random.ts';
import type { Command } from '../../src/machine/command.ts';
import type { Output } from '../../src/machine/reply.ts';
import type {
  Decide,
  Prepare,
  Resolution,
  TransactionRefusal,
} from '../../src/machine/transaction.ts';
import {
  encodeDecide,
  encodeIds,
  encodePrepare,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import type { TransactionId } from '../../src/machine/transaction-id.ts';
import { clientOf } from './machine-rig.ts';
import type { Numbering } from './numbering.ts';

const KNOWN_MAX = 12;
const LATELY = 3;

export type Step =
  | { readonly type: 'prepare'; readonly prepare: Prepare }
  | { readonly type: 'decide'; readonly decide: Decide }
  | { readonly type: 'resolve'; readonly resolutions: readonly Resolution[] }
  | { readonly type: 'clear'; readonly ids: readonly TransactionId[] };

interface StepTrafficOptions {
  readonly random: Random;
  readonly clients: readonly Numbering[];
  readonly now: () => number;
  readonly deadline: () => number;
  readonly command: () => Command;
}

/** A transaction, and what the shard under test is to it. */
interface Known extends Omit<Prepare, 'operations' | 'at'> {
  readonly role: 'home-last' | 'home' | 'participant';
  readonly operations: Command;
}

export function bytesOfStep(step: Step): Uint8Array {
  switch (step.type) {
    case 'prepare':
      return encodePrepare(step.prepare);
    case 'decide':
      return encodeDecide(step.decide);
    case 'resolve':
      return encodeResolutions(step.resolutions);
    case 'clear':
      return encodeIds(step.ids);
  }
}

export class StepTraffic {
  readonly #options: StepTrafficOptions;
  readonly #known: Known[] = [];
  /** Of which nothing more is heard but how they ended. */
  #leaving: Known[] = [];

  constructor(options: StepTrafficOptions) {
    this.#options = options;
  }

  next(): Step {
    const { random } = this.#options;
    const known = random.chance(0.25) ? this.#begun() : this.#pick();
    const dice = random.fraction();
    if (dice < 0.35) return this.#prepare(known);
    if (dice < 0.6) return { type: 'decide', decide: this.#decide(known) };
    if (dice < 0.92) return { type: 'resolve', resolutions: this.#resolutions(known) };
    const ids = Array.from({ length: 1 + random.below(6) }, () => this.#pick().id);
    return { type: 'clear', ids };
  }

  #begun(): Known {
    const { random, clients, now, deadline, command } = this.#options;
    const number = random.below(clients.length);
    const client = clients[number] as Numbering;
    const sequence = client.take();
    const due = deadline();
    const count = random.chance(0.15) ? 1 : 2 + random.below(2);
    const home = random.below(2 ** 32);
    const known: Known = {
      id: { home, client: clientOf(number), sequence },
      attempts: random.below(3),
      age: Math.max(0, now() - random.below(50)),
      participants: Array.from({ length: count }, (_, at) => {
        return { position: at === 0 ? home : at, deadline: due };
      }),
      role: random.pick(['home-last', 'home', 'participant']),
      operations: command(),
    };
    this.#known.push(known);
    if (this.#known.length > KNOWN_MAX) {
      this.#leaving.push(...this.#known.splice(random.below(KNOWN_MAX - LATELY), 1));
    }
    return known;
  }

  /** Mostly one of the latest. */
  #pick(): Known {
    const { random } = this.#options;
    if (this.#known.length === 0) return this.#begun();
    const lately = this.#known.slice(-LATELY);
    return random.pick(random.chance(0.7) ? lately : this.#known);
  }

  #prepare({ role, operations, ...head }: Known): Step {
    const { random } = this.#options;
    const isHome = random.chance(0.9) ? role !== 'participant' : role === 'participant';
    const at = isHome || head.participants.length === 1 ? 0 : 1;
    return { type: 'prepare', prepare: { ...head, at, operations } };
  }

  #decide({ role, operations, ...head }: Known): Decide {
    const { random } = this.#options;
    if (random.chance(0.4)) {
      const proposal = { type: 'abort', because: this.#because() } as const;
      return { ...head, proposal };
    }
    const isLast = random.chance(0.95) ? role !== 'home' : role === 'home';
    const others = head.participants.length - (isLast ? 1 : 0);
    const versions = Array.from({ length: others }, () => random.below(5000));
    const outputs: Output[] = random.chance(0.3) ? [{ type: 'presence', wasThere: true }] : [];
    const proposal = { type: 'commit', versions, outputs } as const;
    return { ...head, proposal: { ...proposal, operations: isLast ? operations : [] } };
  }

  #because(): TransactionRefusal {
    const { random } = this.#options;
    const position = random.below(9);
    if (random.chance(0.3)) return { type: 'check-failed', position, version: random.below(99) };
    const reason = random.pick(['aborted', 'gave-way', 'wrong-epoch', 'overflow'] as const);
    return { type: 'refused', reason, position };
  }

  #resolutions(known: Known): readonly Resolution[] {
    const { random } = this.#options;
    const list = [known, ...this.#leaving];
    this.#leaving = [];
    while (list.length < 8 && random.chance(0.5)) list.push(this.#pick());
    return list.map(({ id, participants }) => {
      const isTold = random.chance(0.8);
      const deadline = isTold ? (participants[0]?.deadline ?? 0) : 0;
      return { id, isCommitted: random.chance(0.5), deadline };
    });
  }
}
