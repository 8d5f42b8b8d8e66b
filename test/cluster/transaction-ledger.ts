/**
 * What the entries of all shards say of transactions over several of them, recorded one by one:
 * which part was prepared where, what was decided, and how each part ended.
 *
 * It knows the protocol and none of the product's data structures. It gets each entry, the replies
 * to it and the values that it wrote.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ShardId } from '../../src/base/ids.ts';
import type { Command } from '../../src/machine/command.ts';
import type { MachineEntry } from '../../src/machine/entry.ts';
import { isWrite } from '../../src/machine/operation-codec.ts';
import type { Output, Reason, Reply } from '../../src/machine/reply.ts';
import type { Row } from '../../src/machine/row.ts';
import {
  type ConcludingSteps,
  type Decide,
  locksKey,
  type Participant,
  type Resolution,
} from '../../src/machine/transaction.ts';
import {
  decodeConclusion,
  decodeDecide,
  decodePrepare,
  decodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import { type Contender, idText, type TransactionId } from '../../src/machine/transaction-id.ts';
import { Probes } from '../sim/probes.ts';
import { textOf } from './customer.ts';
import type { PartEffects } from './entry-effects.ts';

/** One entry of one data shard, applied. */
export interface LedgerEntry {
  readonly shard: ShardId;
  readonly index: number;
  /** When a replica first applied it. */
  readonly at: number;
  readonly entry: MachineEntry;
  /** Of its commands or steps. */
  readonly replies: readonly (Reply | undefined)[];
  /** What it wrote to keys of users; undefined for a deleted key. */
  readonly values: ReadonlyMap<string, Row | undefined>;
}

/** How a participant answered about its part. */
interface Part {
  readonly holder: Contender;
  readonly shard: ShardId;
  /** Of the entry that prepared it, or that executed it at once. */
  readonly version: number;
  /** When that entry was first applied. */
  readonly at: number;
  readonly operations: Command;
  end: { readonly isDone: boolean; readonly at: number } | undefined;
}

interface Decision {
  readonly at: number;
  readonly versions: readonly number[];
  readonly outputs: readonly Output[];
}

interface Account {
  readonly name: string;
  readonly client: Uint8Array;
  participants: readonly Participant[];
  readonly parts: Part[];
  /** It is committed as soon as all of its parts are prepared. */
  isStaged: boolean;
  commit: Decision | undefined;
  /** When a reply said that it will never take effect. */
  readonly denials: number[];
}

/** A transaction that took effect. */
export interface Committed {
  readonly name: string;
  readonly client: Uint8Array;
  /** When it was first known: no client can have learned it before. */
  readonly at: number;
  readonly versions: readonly number[];
  readonly outputs: readonly Output[];
  /** In the order of the participants. */
  readonly parts: readonly Part[];
}

/** A commit, and that it was one. */
interface Deciding {
  readonly decide: Decide;
  readonly reply: Extract<Reply, { type: 'committed' }>;
}

const NOTHING_CONCLUDED: ConcludingSteps = { commits: [], resolutions: [], cleared: [] };

interface LedgerOptions {
  readonly shardAt: (position: number) => ShardId;
  readonly fail: (message: string, shard?: ShardId) => never;
}

export class TransactionLedger {
  readonly #options: LedgerOptions;
  readonly #accounts = new Map<string, Account>();
  /** The number of transactions with each outcome. */
  readonly outcomes = new Probes();
  /** By shard and key: the part that holds it. */
  readonly #held = new Map<string, Part>();
  /** Of the present entry. */
  #prepared: Part | undefined;
  #released: { readonly part: Part; readonly isDone: boolean }[] = [];

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Entries of one shard in their order; shards may come one after the other. */
  take(one: LedgerEntry): PartEffects {
    const { entry } = one;
    this.#prepared = undefined;
    this.#released = [];
    switch (entry.type) {
      case 'prepare':
      case 'stage':
        this.#takePrepare(one, entry.bytes);
        break;
      case 'decide':
        this.#takeDecide(one, entry.bytes, one.replies[0]);
        break;
      case 'resolve':
        this.#takeResolutions(one, decodeResolutions(entry.bytes) ?? []);
        break;
      case 'conclude': {
        const { commits, resolutions } = decodeConclusion(entry.bytes) ?? NOTHING_CONCLUDED;
        if (commits.length > 1) this.outcomes.hit('decided together');
        for (const [at, bytes] of commits.entries()) {
          this.#takeDecide(one, bytes, one.replies[at]);
        }
        this.#takeResolutions(one, resolutions);
        break;
      }
      default:
        break;
    }
    for (const key of one.values.keys()) {
      const holder = this.#held.get(placeOf(one.shard, key));
      if (holder === undefined) continue;
      this.#fail(one, `${key} was written while a transaction held it`);
    }
    return { prepared: this.#prepared, released: this.#released };
  }

  /** Everything was recorded, and all transactions have ended. */
  judge(): readonly Committed[] {
    return [...this.#accounts.values()].flatMap((account) => this.#judgeOne(account) ?? []);
  }

  #takePrepare(one: LedgerEntry, bytes: Uint8Array): void {
    const { shard, index, values } = one;
    const [reply] = one.replies;
    const prepare = decodePrepare(bytes);
    this.outcomes.hit(`prepared ${reply?.type === 'refused' ? reply.reason : reply?.type}`);
    if (values.size > 0) this.#fail(one, 'what was only prepared was written');
    // A version of another entry shows that it was prepared before.
    if (prepare === undefined || reply?.type !== 'done' || reply.version !== index) return;
    const { id, participants, at } = prepare;
    const account = this.#account(id, participants);
    const { operations } = prepare;
    if (operations.some(({ type }) => type === 'get')) this.outcomes.hit('prepared to read');
    const holder = contenderOf(prepare);
    const { at: now } = one;
    const part: Part = { holder, shard, version: index, at: now, operations, end: undefined };
    this.#prepared = part;
    if (one.entry.type === 'stage') account.isStaged = true;
    if (this.#shardOf(participants, at) !== shard) this.#fail(one, 'a part is of another shard');
    if (account.parts.some((other) => other.shard === shard)) {
      this.#fail(one, `${account.name} was prepared twice`);
    }
    account.parts.push(part);
    for (const key of lockedIn(part)) {
      const place = placeOf(shard, key);
      if (this.#held.has(place)) this.#fail(one, `${key} is held by two transactions`);
      this.#held.set(place, part);
    }
  }

  #takeResolutions(one: LedgerEntry, resolutions: readonly Resolution[]): void {
    for (const { id, isCommitted } of resolutions) {
      const part = this.#openPart(one.shard, id);
      if (part !== undefined) this.#release(part, isCommitted, one);
    }
  }

  #takeDecide(one: LedgerEntry, bytes: Uint8Array, reply: Reply | undefined): void {
    const { shard, at } = one;
    const decide = decodeDecide(bytes);
    if (decide === undefined || reply === undefined) return;
    const { id, participants } = decide;
    if (this.#shardOf(participants, 0) !== shard) this.#fail(one, 'another shard decided');
    const account = this.#account(id, participants);
    this.outcomes.hit(`decided ${reply.type === 'refused' ? reply.reason : reply.type}`);
    if (reply.type === 'committed') this.#takeCommit(account, { decide, reply }, one);
    else if (isFinal(reply, decide)) account.denials.push(at);
    else return;
    const own = this.#openPart(shard, id);
    if (own !== undefined) this.#release(own, reply.type === 'committed', one);
  }

  /** The first one is final; later ones say the same or no details. */
  #takeCommit(account: Account, { decide, reply }: Deciding, one: LedgerEntry): void {
    const { proposal } = decide;
    const { shard, index, at } = one;
    const { name, commit, denials, parts } = account;
    const { versions, outputs } = reply;
    if (commit !== undefined) {
      const isSame = versions.length === 0 || isDeepStrictEqual(versions, commit.versions);
      if (!isSame) this.#fail(one, `${name} was decided twice`);
      return;
    }
    if (denials.length > 0) this.#fail(one, `${name} committed after it was denied`);
    if (proposal.type !== 'commit') return this.#fail(one, `${name} committed by an abort`);
    account.commit = { at, versions, outputs };
    const { operations } = proposal;
    if (operations.length === 0) return;
    const holder = contenderOf(decide);
    const part: Part = { holder, shard, version: index, at, operations, end: undefined };
    parts.push(part);
    this.#release(part, true, one);
  }

  /** Its locks are released, and its writes are there or are not. */
  #release(part: Part, isDone: boolean, one: LedgerEntry): void {
    for (const key of lockedIn(part)) this.#held.delete(placeOf(part.shard, key));
    part.end = { isDone, at: one.at };
    this.#released.push({ part, isDone });
    for (const operation of part.operations.filter(isWrite)) {
      const key = textOf(operation.key);
      const row = one.values.get(key);
      const isThere = row !== undefined && row.version === part.version;
      if (!isDone && isThere) this.#fail(one, `${key} was written by what was dropped`);
      // With a lease it is written, or gone with the lease: `checkers/tickets.ts` knows which.
      const mayBeGone = operation.type === 'set' && operation.lease !== undefined;
      const isNew = operation.type !== 'delete' && operation.type !== 'touch';
      const isDue = isDone && isNew && !(mayBeGone && row === undefined);
      if (isDue && !isThere) this.#fail(one, `${key} was not written by what was committed`);
      if (isDone && operation.type === 'delete' && row !== undefined) {
        this.#fail(one, `${key} was not deleted by what was committed`);
      }
    }
  }

  #judgeOne(account: Account): Committed | undefined {
    const { name, client, parts, commit, participants, denials } = account;
    const { fail } = this.#options;
    for (const { shard, end } of parts) {
      if (end === undefined) return fail(`${name} is prepared for ever`, shard);
      if (!end.isDone) {
        if (commit !== undefined) fail(`${name} committed, and a part of it was dropped`, shard);
        continue;
      }
      if (commit === undefined)
        return fail(`${name} was never committed, and a part of it done`, shard);
      if (end.at < commit.at) fail(`${name} was done before it was decided`, shard);
      const isDenied = denials.some((at) => at < end.at);
      if (isDenied) fail(`${name} was denied before all parts were done`, shard);
    }
    const isReady = account.isStaged && parts.length === participants.length;
    if (commit === undefined && isReady) fail(`${name} was ready everywhere, and aborted`);
    if (commit === undefined) return undefined;
    if (account.isStaged) this.outcomes.hit('committed by its parts');
    const { versions, outputs } = commit;
    const at = account.isStaged ? Math.max(...parts.map((part) => part.at)) : commit.at;
    const ordered = participants.map(({ position }, place) => {
      const shard = this.#options.shardAt(position);
      const part = parts.find((one) => one.shard === shard);
      if (part === undefined) return fail(`${name} committed without a part`, shard);
      if (versions[place] !== part.version) fail(`${name} has another version`, shard);
      return part;
    });
    return { name, client, at, versions, outputs, parts: ordered };
  }

  #account(id: TransactionId, participants: readonly Participant[]): Account {
    const name = idText(id);
    let account = this.#accounts.get(name);
    if (account === undefined) {
      const client = id.client.slice();
      const nothing = { parts: [], isStaged: false, commit: undefined, denials: [] };
      account = { name, client, participants, ...nothing };
      this.#accounts.set(name, account);
    }
    return account;
  }

  #openPart(shard: ShardId, id: TransactionId): Part | undefined {
    const parts = this.#accounts.get(idText(id))?.parts;
    return parts?.find((part) => part.shard === shard && part.end === undefined);
  }

  #shardOf(participants: readonly Participant[], at: number): ShardId | undefined {
    const participant = participants[at];
    return participant && this.#options.shardAt(participant.position);
  }

  #fail({ shard, index }: LedgerEntry, message: string): never {
    return this.#options.fail(`entry ${index}: ${message}`, shard);
  }
}

/** Refusals that leave its outcome open; any other answer is final. */
const OPEN: readonly Reason[] = ['window-full', 'malformed', 'staged', 'entry-full'];
/** Only a commit is refused so: an abort depends on neither, and may have been proposed for it. */
const OPEN_TO_COMMIT: readonly Reason[] = ['wrong-epoch', 'deadline-too-far'];

function isFinal(reply: Reply, { proposal }: Decide): boolean {
  if (reply.type !== 'refused') return reply.type === 'check-failed';
  const isOpen = proposal.type === 'commit' && OPEN_TO_COMMIT.includes(reply.reason);
  return !isOpen && !OPEN.includes(reply.reason);
}

function contenderOf({ id, attempts, age }: Contender): Contender {
  return { id, attempts, age };
}

function lockedIn({ operations }: Part): readonly string[] {
  return [...new Set(operations.filter(locksKey).map(({ key }) => textOf(key)))];
}

function placeOf(shard: ShardId, key: string): string {
  return `${shard}/${key}`;
}
