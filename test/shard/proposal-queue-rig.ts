/** A proposal queue alone: the test says what is held, and what time it is. */

import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { LockTable, Prepared } from '../../src/machine/lock-table.ts';
import type { Reply } from '../../src/machine/reply.ts';
import { type Contender, isSameId } from '../../src/machine/transaction-id.ts';
import type { Proposal } from '../../src/shard/proposal.ts';
import { ProposalQueue } from '../../src/shard/proposal-queue.ts';
import { NO_RESPONDER } from '../../src/shard/responder.ts';
import type { Failure } from '../../src/wire/response.ts';

const SEQUENCE = 1;

/** Of that age; at the same age the number decides. */
export function contender(number: number, age = number, attempts = 0): Contender {
  const client = new Uint8Array(16).fill(number);
  return { id: { home: 0, client, sequence: SEQUENCE }, attempts, age };
}

function put(key: string): Operation {
  return { type: 'set', key: Buffer.from(key), value: new Uint8Array(), lifeMilliseconds: 0 };
}

/** Of a client of its own, with so many failed attempts that it blocks all others. */
export const RESERVER = contender(1, 1, TRANSACTION_LIMITS.attemptsAlone);

interface Asked {
  readonly by?: Contender;
  readonly bytes?: number;
  readonly ends?: Contender;
  /** It is a decision that writes at once. */
  readonly isLast?: boolean;
  readonly hasHurry?: boolean;
}

export class Rig {
  now = 0;
  /** How often the holders of a key were looked up. */
  looks = 0;
  readonly met: string[] = [];
  readonly refused: Reply[] = [];
  readonly failed: Failure[] = [];
  readonly queue = new ProposalQueue();
  readonly #held = new Map<string, Prepared>();
  readonly #names = new Map<Proposal, string>();

  get lockTable(): LockTable {
    const all = [...this.#held.values()];
    return {
      size: this.#held.size,
      holderFor: ({ type, key }: Operation) => {
        if (type === 'check-range') return undefined;
        this.looks += 1;
        return this.#held.get(Buffer.from(key).toString());
      },
      holderOf: (key: Uint8Array) => this.#held.get(Buffer.from(key).toString()),
      of: (id: Contender['id']) => all.find((one) => isSameId(one.id, id)),
    } as unknown as LockTable;
  }

  hold(key: string, holder: Contender): void {
    const rest = { slot: 0, version: 1, since: 0, participants: [] };
    this.#held.set(key, {
      ...holder,
      ...rest,
      bytes: 0,
      workBytes: 0,
      isStaged: false,
      keys: [Buffer.from(key)],
      fences: [],
    });
  }

  release(...keys: readonly string[]): void {
    const freed = keys.flatMap((key) => this.#held.get(key) ?? []);
    for (const key of keys) this.#held.delete(key);
    this.queue.wake(freed, this.lockTable);
  }

  add(name: string, keys: readonly string[], asked: Asked = {}): boolean {
    return this.addBatch(name, [keys], asked);
  }

  /** Keys of each command. */
  addBatch(name: string, commands: readonly (readonly string[])[], asked: Asked = {}): boolean {
    const { isLast = false } = asked;
    const proposal: Proposal = {
      requester: { responder: NO_RESPONDER, id: 1 },
      bytes: asked.bytes ?? 1,
      payload: () => new Uint8Array(),
      touch: () => ({
        commands: commands.map((keys) => keys.map(put)),
        contender: asked.by,
        isLast,
      }),
      ends: asked.ends === undefined ? [] : [{ id: asked.ends.id, isCommitted: true }],
      hasHurry: asked.hasHurry ?? true,
    };
    this.#names.set(proposal, name);
    return this.queue.add(proposal, this);
  }

  names(proposals: readonly Proposal[]): readonly string[] {
    return proposals.map((one) => this.#names.get(one) ?? '?');
  }

  take(): readonly string[] {
    const { passing, refused, overloaded, conflicts } = this.queue.take(this);
    this.refused.push(...refused.map(({ reply }) => reply));
    this.failed.push(...overloaded.map(() => 'overloaded' as const));
    for (const { holder, isPreempting } of conflicts) {
      this.met.push(`${holder.age}${isPreempting ? ' pressed' : ''}`);
    }
    return this.names(passing);
  }
}
