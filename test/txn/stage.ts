/**
 * Plays transcripts: the coordinator, the decision broadcast and the lock resolver, behind ports
 * without shards. A question waits until the transcript answers it; only the transcript moves time.
 */

import type { ShardId } from '../../src/base/ids.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { LockTable, Prepared } from '../../src/machine/lock-table.ts';
import type { Reply } from '../../src/machine/reply.ts';
import type {
  Part,
  Resolution,
  TransactionRefusal,
  TransactionRequest,
} from '../../src/machine/transaction.ts';
import { decodeDecide, decodePrepare } from '../../src/machine/transaction-codec.ts';
import { idText, type TransactionId } from '../../src/machine/transaction-id.ts';
import { type Answer, Coordinator, type CoordinatorPort } from '../../src/txn/coordinator.ts';
import { DecisionBroadcast, type DecisionBroadcastPort } from '../../src/txn/decision-broadcast.ts';
import { LockResolver, type LockResolverPort } from '../../src/txn/lock-resolver.ts';
import { planOf } from '../../src/txn/plan.ts';
import {
  clientOf,
  contenderOf,
  parseOperation,
  rankIn,
  spellOperations,
  spellProposal,
  spellReply,
} from './spelling.ts';

const NAMES = 'abcdefghij';
/** Where the verb ends. */
const COLUMN = 12;
const LINE_MAX = 100;
const DEADLINE = 9000;
/** The numbers of the running transaction. */
const CLIENT = 1;
const SEQUENCE = 7;

export class Stage {
  now = 0;
  coordinator: Coordinator | undefined;
  readonly broadcast: DecisionBroadcast;
  readonly resolver: LockResolver;
  /** The decision broadcast finds no shard. */
  isMapUnknown = false;
  /** The check that fails in the home shard when a transaction begins. */
  precheckRefusal: TransactionRefusal | undefined;
  /** Only the transcript starts transactions. */
  mustWait = false;
  millisecondsLeft = Number.POSITIVE_INFINITY;
  #lines: string[] = [];
  /** By the asked shard, in the order of the requests. */
  readonly #questions = new Map<string, ((answer: Answer) => void)[]>();
  readonly #tellings = new Map<string, ((heard: number) => void)[]>();
  readonly #settlings = new Map<string, ((reply: Reply | undefined) => void)[]>();
  readonly #held = new Map<string, Prepared>();
  readonly #shardAt = new Map<number, ShardId>();

  constructor() {
    this.broadcast = new DecisionBroadcast(this.#broadcastPort());
    this.resolver = new LockResolver(this.#resolverPort());
  }

  /** The output since the last call. */
  listen(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  say(who: string, text: string): void {
    const indent = ' '.repeat(COLUMN);
    let line = who.padEnd(COLUMN);
    for (const word of text.split(' ')) {
      const isFirst = line.length <= COLUMN;
      if (!isFirst && line.length + 1 + word.length > LINE_MAX) {
        this.#lines.push(line);
        line = indent;
      }
      line += line.length <= COLUMN ? word : ` ${word}`;
    }
    this.#lines.push(line);
  }

  /** `a: put x, get y | b: check z 3`: the first part is the home shard's. */
  begin(rank: string, text: string, how = { mayStage: false }): void {
    const parts = text.split('|').map((one) => partOf(one));
    const [age, attempts] = rankIn(rank);
    const transaction = { client: clientOf(CLIENT), sequence: SEQUENCE, attempts, age, parts };
    const plan = planOf(transaction, { mayStage: how.mayStage });
    if (plan === undefined) return this.say('no shard', 'is its home');
    plan.participants.forEach(({ position }, at) => {
      this.#shardAt.set(position, plan.parts[at]?.shard as ShardId);
    });
    this.coordinator = new Coordinator({ plan, port: this.#coordinatorPort(parts) });
    if (!this.mustWait) this.coordinator.begin();
  }

  /** The oldest request to this shard. */
  answer(shard: string, answer: Answer): void {
    next(this.#questions, shard)(answer);
  }

  tell(number: number, how: string, shards: readonly string[]): void {
    const participants = shards.map((name) => {
      const position = NAMES.indexOf(name) + 1;
      this.#shardAt.set(position, position as ShardId);
      return { position, deadline: DEADLINE };
    });
    const isCommitted = how === 'committed';
    this.broadcast.tell({ id: idOf(number), isCommitted, participants }, how !== 'dropped');
  }

  /** It has resolved so many of the decisions that it received. */
  hear(shard: string, heard: number): void {
    next(this.#tellings, shard)(heard);
  }

  /** A part of this transaction is prepared in the shard of the resolver. */
  hold(number: number, age: number): void {
    const contender = { ...contenderOf(number, age), id: idOf(number) };
    const rest = {
      slot: number,
      version: 1,
      since: 0,
      participants: [],
      keys: [],
      fences: [],
      bytes: 0,
      workBytes: 0,
      isStaged: false,
    };
    this.#held.set(idText(contender.id), { ...contender, ...rest });
  }

  holder(number: number): Prepared {
    const holder = this.#held.get(idText(idOf(number)));
    if (holder === undefined) throw new Error(`${number} holds nothing`);
    return holder;
  }

  release(number: number): void {
    this.#held.delete(idText(idOf(number)));
  }

  settle(number: string, reply: Reply | undefined): void {
    next(this.#settlings, number)(reply);
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.coordinator?.tick();
    this.broadcast.tick();
    this.broadcast.flush();
    this.resolver.tick();
  }

  #coordinatorPort(parts: readonly Part[]): CoordinatorPort {
    const stage = this;
    const home = nameOf(parts[0]?.shard ?? 0);
    return {
      get now() {
        return stage.now;
      },
      prepareMilliseconds: TRANSACTION_LIMITS.prepareMilliseconds,
      get millisecondsLeft() {
        return stage.millisecondsLeft;
      },
      precheck: () => stage.precheckRefusal,
      prepare: ({ shard, isStaged }, bytes, done) => {
        const prepare = decodePrepare(bytes);
        if (prepare === undefined) throw new Error('a prepare can be read');
        const { at, participants, operations } = prepare;
        const which = `${at + 1} of ${participants.length}`;
        const step = isStaged ? 'stage' : 'prepare';
        this.say(`${home} -> ${nameOf(shard)}`, `${step} ${which}: ${spellOperations(operations)}`);
        add(this.#questions, nameOf(shard), done);
      },
      prevent: ({ shard, at }, done) => {
        this.say(`${home} -> ${nameOf(shard)}`, `prevent ${at + 1}`);
        add(this.#questions, nameOf(shard), done);
      },
      committed: (reply) => this.say('answers', spellReply(reply)),
      validate: ({ shard, checks }, done) => {
        this.say(`${home} -> ${nameOf(shard)}`, `validate: ${spellOperations(checks)}`);
        add(this.#questions, nameOf(shard), done);
      },
      decide: (bytes, done) => {
        this.say(`${home} proposes`, this.#spellDecide(bytes));
        add(this.#questions, home, done);
      },
      record: (bytes, done) => {
        this.say(`${home} records`, this.#spellDecide(bytes));
        add(this.#questions, home, done);
      },
      ended: (ending) => {
        if (ending.type === 'lost') return this.say('ends', 'lost');
        const why = ending.type === 'refused' ? `, told as ${ending.why}` : '';
        this.say('ends', `${spellReply(ending.reply)}${why}`);
      },
    };
  }

  #spellDecide(bytes: Uint8Array): string {
    const decide = decodeDecide(bytes);
    if (decide === undefined) throw new Error('a decision can be read');
    const isAlone = decide.participants.length < (this.coordinator?.plan.parts.length ?? 0);
    return `${spellProposal(decide.proposal)}${isAlone ? ', naming no other shard' : ''}`;
  }

  #broadcastPort(): DecisionBroadcastPort {
    const stage = this;
    return {
      get now() {
        return stage.now;
      },
      shardAt: (position) => (this.isMapUnknown ? undefined : this.#shardAt.get(position)),
      resolve: (shard, resolutions, done) => {
        const words = resolutions.map(({ id, isCommitted }) => {
          return `${numberOf(id)} ${isCommitted ? 'committed' : 'aborted'}`;
        });
        this.say(`tells ${nameOf(shard)}`, words.join(', '));
        add(this.#tellings, nameOf(shard), done);
      },
      clear: (ids) => this.say('clears', ids.map(numberOf).join(', ')),
    };
  }

  #resolverPort(): LockResolverPort {
    const stage = this;
    const lockTable = { of: (id: TransactionId) => this.#held.get(idText(id)) };
    return {
      get now() {
        return stage.now;
      },
      resolveMilliseconds: TRANSACTION_LIMITS.resolveMilliseconds,
      lockTable: lockTable as LockTable,
      settle: ({ id }, isPreempting, done) => {
        this.say(
          'asks home',
          `what became of ${numberOf(id)}${isPreempting ? ', preempting' : ''}`,
        );
        add(this.#settlings, String(numberOf(id)), done);
      },
      resolve: ({ id, isCommitted }: Resolution) => {
        this.say('resolves', `${numberOf(id)} as ${isCommitted ? 'committed' : 'aborted'}`);
      },
    };
  }
}

function partOf(text: string): TransactionRequest['parts'][number] {
  const [name = '', operations = ''] = text.split(':');
  return {
    shard: NAMES.indexOf(name.trim()) + 1,
    epoch: 1,
    deadline: DEADLINE,
    operations: operations.split(',').map(parseOperation),
  };
}

function nameOf(shard: number): string {
  return NAMES[shard - 1] ?? '?';
}

/** Decisions and holders are told apart by their clients. */
function idOf(number: number): TransactionId {
  return { home: 0, client: clientOf(number), sequence: 1 };
}

function numberOf({ client }: TransactionId): number {
  return client[0] ?? 0;
}

function add<T>(lists: Map<string, T[]>, name: string, one: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [one]);
  else list.push(one);
}

function next<T>(lists: Map<string, T[]>, name: string): T {
  const one = lists.get(name)?.shift();
  if (one === undefined) throw new Error(`${name} was asked nothing`);
  return one;
}
