/**
 * Transactions of the model: a correct coordinator, which vanishes when the home shard changes its
 * leader; what it leaves behind is resolved a while later.
 */

import type { Random } from '../../../src/base/random.ts';
import type { Operation } from '../../../src/machine/command.ts';
import { encodeReply, type Reply } from '../../../src/machine/reply.ts';
import {
  type Decide,
  isLocking,
  type Part,
  type Participant,
  type TransactionRefusal,
  type TransactionRequest,
} from '../../../src/machine/transaction.ts';
import {
  decodeTransaction,
  encodeDecide,
  encodeIds,
  encodePrepare,
  encodeResolutions,
} from '../../../src/machine/transaction-codec.ts';
import { isSameId, type TransactionId } from '../../../src/machine/transaction-id.ts';
import { arcOf } from '../../../src/ring/arc.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';
import { hasPriority } from '../../../src/txn/conflict-policy.ts';
import type { Request } from '../../../src/wire/request.ts';
import type { Response } from '../../../src/wire/response.ts';
import type { Faults } from './cluster.ts';
import type { ModelShard } from './shard.ts';
import type { World } from './world.ts';

interface Options {
  readonly world: Pick<World, 'after'>;
  readonly random: Random;
  readonly faults: Faults;
  readonly shards: readonly ModelShard[];
  readonly termOf: (shard: number) => number;
}

interface Answering {
  readonly reply: (response: Response) => void;
  readonly refuse: (failure: 'lost' | 'malformed') => void;
}

/** How often an older transaction tries to lock what a younger one holds. */
const LOCK_ATTEMPTS = 8;

export class ModelTransactions {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  conduct(request: Extract<Request, { type: 'transact' }>, to: Answering): void {
    const transaction = decodeTransaction(request.transaction.slice());
    if (transaction === undefined) return to.refuse('malformed');
    new Conduct(this.#options, transaction, (reply) => {
      if (reply === undefined) return to.refuse('lost');
      const home = this.#options.shards[request.shard - 1] as ModelShard;
      const time = Math.floor(home.time);
      const replies = [encodeReply(reply)];
      to.reply({ type: 'written', id: request.id, time, replies });
    }).begin();
  }

  /** Tries to abort in the home shard: the reply is the decision. */
  settle(request: Extract<Request, { type: 'settle' }>, to: Answering): void {
    const { world, random, faults, shards, termOf } = this.#options;
    const { contender, participants } = request;
    const term = termOf(request.shard);
    world.after(random.fraction() * faults.commitMax, () => {
      const home = shards[request.shard - 1] as ModelShard;
      if (termOf(request.shard) !== term && !random.chance(faults.survival)) {
        return to.refuse('lost');
      }
      const proposal = { type: 'abort', because: refused('aborted', 0) } as const;
      const bytes = encodeDecide({ ...contender, participants, proposal });
      const reply = home.step('decide', bytes, 1);
      this.#tellOthers(request, reply?.type === 'committed');
      if (termOf(request.shard) !== term || reply === undefined) return to.refuse('lost');
      const replies = [encodeReply(reply)];
      to.reply({ type: 'written', id: request.id, time: Math.floor(home.time), replies });
    });
  }

  /** The home shard's leader broadcasts a stored decision until all have it. */
  #tellOthers(request: Extract<Request, { type: 'settle' }>, isCommitted: boolean): void {
    const { world, random, shards } = this.#options;
    const { id } = request.contender;
    const others = request.participants.slice(1);
    let left = others.length;
    for (const { position, deadline } of others) {
      world.after(random.fraction() * 200, () => {
        const other = shards[arcOf(position, shards.length)] as ModelShard;
        other.step('resolve', encodeResolutions([{ id, isCommitted, deadline }]), 1);
        left -= 1;
        if (left === 0) shards[request.shard - 1]?.step('clear', encodeIds([id]), 1);
      });
    }
  }
}

/** A part, and the position of its first operation among those of all parts. */
interface Place {
  readonly part: Part;
  readonly offset: number;
  /** Its place among the participants; -1 for a part that only checks. */
  readonly at: number;
}

class Conduct {
  readonly #options: Options;
  readonly #transaction: TransactionRequest;
  readonly #answer: (reply: Reply | undefined) => void;
  readonly #places: readonly Place[];
  readonly #participants: readonly Participant[];
  readonly #id: TransactionId;
  readonly #term: number;
  /** The replies of the participants, by their place. */
  readonly #done: Extract<Reply, { type: 'done' }>[] = [];
  #left = 0;
  #isOver = false;

  constructor(
    options: Options,
    transaction: TransactionRequest,
    answer: (reply: Reply | undefined) => void,
  ) {
    this.#options = options;
    this.#transaction = transaction;
    this.#answer = answer;
    const { client, sequence, parts } = transaction;
    const participants: Participant[] = [];
    const places: Place[] = [];
    let offset = 0;
    for (const part of parts) {
      const first = part.operations.find(isLocking);
      const at = first === undefined ? -1 : participants.length;
      if (first !== undefined) {
        participants.push({ position: keyPosition(first.key), deadline: part.deadline });
      }
      places.push({ part, offset, at });
      offset += part.operations.length;
    }
    this.#places = places;
    this.#participants = participants;
    this.#id = { home: participants[0]?.position ?? 0, client, sequence };
    this.#term = options.termOf(this.#home.part.shard);
  }

  begin(): void {
    // Whatever its outcome, it is resolved later.
    const { random, faults } = this.#options;
    this.#later(random.between(500, 3000), () => this.#end());
    if (random.chance(faults.giveWay)) return this.#abort(refused('gave-way', 0));
    const preparing = this.#places.filter(({ at }) => at > 0 || (at === 0 && this.#isTwoPhase));
    if (preparing.length === 0) return this.#decide();
    this.#left = preparing.length;
    for (const place of preparing) this.#prepare(place, LOCK_ATTEMPTS);
  }

  get #home(): Place {
    return this.#places[0] as Place;
  }

  /** Some checks are validated after all keys are locked. */
  get #isTwoPhase(): boolean {
    return this.#places.some(({ part, at }) => {
      return strangeTo(part).some(({ check }) => at !== 0 || check.type === 'check-range');
    });
  }

  /** The home shard has another leader: this coordinator is gone. */
  get #hasVanished(): boolean {
    return this.#options.termOf(this.#home.part.shard) !== this.#term;
  }

  #prepare(place: Place, deadline: number): void {
    const { part, at, offset } = place;
    const { random, faults, termOf } = this.#options;
    const shard = this.#shardOf(part);
    const term = termOf(part.shard);
    this.#commit(() => {
      const epoch = random.chance(faults.wrongEpoch) ? part.epoch + 1 : part.epoch;
      const bytes = encodePrepare({
        id: this.#id,
        attempts: this.#transaction.attempts,
        age: this.#transaction.age,
        participants: this.#participants,
        at,
        operations: part.operations,
      });
      const isLost = termOf(part.shard) !== term;
      if (isLost && !random.chance(faults.survival)) return this.#abort(refused('aborted', 0));
      const reply = shard.step('prepare', bytes, epoch);
      if (this.#isOver) return;
      if (isLost) return this.#abort(refused('aborted', 0));
      switch (reply?.type) {
        case 'done':
          this.#done[at] = reply;
          this.#left -= 1;
          if (this.#left === 0) this.#validate();
          return;
        case 'locked': {
          const { attempts, age } = this.#transaction;
          const own = { id: this.#id, attempts, age };
          if (deadline > 0 && hasPriority(own, reply.holder)) {
            return this.#later(random.between(1, 20), () => this.#prepare(place, deadline - 1));
          }
          return this.#abort(refused('gave-way', offset + reply.position));
        }
        case 'check-failed':
        case 'refused':
          return this.#abort({ ...reply, position: offset + reply.position });
        default:
          throw new Error('an unexpected reply to a prepare');
      }
    });
  }

  #validate(): void {
    const checking = this.#places.filter(({ part }) => strangeTo(part).length > 0);
    if (!this.#isTwoPhase || checking.length === 0) return this.#decide();
    this.#left = checking.length;
    for (const { part, offset } of checking) {
      this.#commit(() => {
        if (this.#isOver) return;
        const shard = this.#shardOf(part);
        for (const { check, position } of strangeTo(part)) {
          const holder = shard.holderFor(check);
          if (holder !== undefined && !isSameId(holder.id, this.#id)) {
            return this.#abort(refused('gave-way', offset + position));
          }
          const verdict = shard.judge([check]);
          if (verdict.type === 'check-failed') {
            return this.#abort({ ...verdict, position: offset + position });
          }
        }
        this.#left -= 1;
        if (this.#left === 0) this.#decide();
      });
    }
  }

  #decide(): void {
    const isPrepared = this.#isTwoPhase;
    const done = isPrepared ? this.#done : this.#done.slice(1);
    this.#propose({
      type: 'commit',
      versions: done.map(({ version }) => version),
      outputs: done.flatMap(({ outputs }) => outputs),
      operations: isPrepared ? [] : this.#home.part.operations,
    });
  }

  #abort(because: TransactionRefusal): void {
    if (!this.#isOver) this.#propose({ type: 'abort', because });
  }

  #propose(proposal: Decide['proposal']): void {
    this.#isOver = true;
    const { random, faults } = this.#options;
    this.#commit(() => {
      if (this.#hasVanished && !random.chance(faults.survival)) return this.#answer(undefined);
      const reply = this.#step(proposal);
      if (this.#hasVanished || random.chance(faults.mute)) return this.#answer(undefined);
      if (reply?.type === 'locked') {
        return this.#propose({ type: 'abort', because: refused('gave-way', reply.position) });
      }
      this.#answer(reply);
      if (reply !== undefined) this.#resolve(reply.type === 'committed');
    });
  }

  #step(proposal: Decide['proposal']): Reply | undefined {
    const { part } = this.#home;
    const { attempts, age } = this.#transaction;
    const participants = this.#participants;
    const { epoch } = part;
    const about = { id: this.#id, attempts, age, participants };
    return this.#shardOf(part).step('decide', encodeDecide({ ...about, proposal }), epoch);
  }

  /** Tries to abort: the reply is the decision, made now or before. */
  #end(): void {
    const reply = this.#step({ type: 'abort', because: refused('aborted', 0) });
    this.#resolve(reply?.type === 'committed');
  }

  #resolve(isCommitted: boolean): void {
    const { random } = this.#options;
    const others = this.#places.filter(({ at }) => at > 0);
    let left = others.length;
    for (const { part } of others) {
      this.#later(random.fraction() ** 2 * 200, () => {
        const { deadline } = part;
        const resolution = encodeResolutions([{ id: this.#id, isCommitted, deadline }]);
        this.#shardOf(part).step('resolve', resolution, part.epoch);
        left -= 1;
        const { part: home } = this.#home;
        if (left === 0) this.#shardOf(home).step('clear', encodeIds([this.#id]), home.epoch);
      });
    }
  }

  #shardOf({ shard }: Part): ModelShard {
    return this.#options.shards[shard - 1] as ModelShard;
  }

  #commit(run: () => void): void {
    this.#later(this.#options.random.fraction() * this.#options.faults.commitMax, run);
  }

  #later(milliseconds: number, run: () => void): void {
    this.#options.world.after(milliseconds, run);
  }
}

/** Checks of a part that its own locks do not protect. */
function strangeTo({ operations }: Part) {
  const isLocked = (key: Uint8Array) => {
    return operations.some((one) => isLocking(one) && Buffer.compare(one.key, key) === 0);
  };
  return operations.flatMap((check: Operation, position) => {
    const isCheck = check.type.startsWith('check');
    const isStrange = isCheck && (check.type === 'check-range' || !isLocked(check.key));
    return isStrange ? [{ check, position }] : [];
  });
}

function refused(reason: 'gave-way' | 'aborted', position: number): TransactionRefusal {
  return { type: 'refused', reason, position };
}
