/** A small cluster that grew without any fault, for tests that inject the faults themselves. */

import { fail } from 'node:assert/strict';
import type { ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS, type RaftLimits } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { Member, ShardRow } from '../../src/catalog/cluster-map.ts';
import type { ReadCall } from '../../src/client/core/call.ts';
import { MemoryNetwork } from '../../src/testkit/memory-network.ts';
import { Agenda } from '../sim/agenda.ts';
import { Probes } from '../sim/probes.ts';
import type { Computer } from './computer.ts';
import { bytesOf, Customer, textOf, type WriteRecord } from './customer.ts';
import type { FolderCopy } from './folder.ts';
import { Growth } from './growth.ts';
import { type LoadOf, SPREAD } from './processor.ts';
import { LARGE_SIZES, SMALL_SIZES } from './sizes.ts';
import { newestMap } from './survivors.ts';
import { Witness } from './witness.ts';

const KIB = 1024;
const STEP_MILLISECONDS = 20;
const GROWTH_MILLISECONDS = 120_000;
const PAUSE_MILLISECONDS = 20;
const PUT_MILLISECONDS = 600_000;
const SOON_MILLISECONDS = 1000;

/** The bytes of one batch of a simulated computer's log. */
const LIMITS = {
  ...RAFT_LIMITS,
  appendBytesMax: 32 * KIB,
  inflightBytesMax: 128 * KIB,
  committedBytesMax: 64 * KIB,
  uncommittedBytesMax: 128 * KIB,
  // Logs are truncated early, up to what the state has.
  tailEntries: 64,
};

const LARGE = { ...RAFT_LIMITS, inflightBytesMax: 1536 * KIB, uncommittedBytesMax: 1536 * KIB };

interface StageOptions {
  readonly nodes: number;
  readonly shards: number;
  readonly limits?: Partial<RaftLimits>;
  /** The test makes a majority lose acknowledged entries: there will be two histories. */
  readonly isForked?: boolean;
  /** Values, and windows for them, as in production. */
  readonly isLarge?: boolean;
  readonly loadOf?: LoadOf;
}

interface Rows {
  readonly count: number;
  readonly atOnce: number;
  readonly value: string;
  readonly lifeMilliseconds?: number;
}

export class Stage {
  readonly agenda: Agenda;
  readonly network: MemoryNetwork;
  readonly probes = new Probes();
  readonly writes: WriteRecord[] = [];
  readonly #growth: Growth;
  readonly customer: Customer;
  #isWriting = false;

  constructor(seed: number, options: StageOptions) {
    const { nodes, shards, limits, isForked = false, isLarge = false, loadOf = SPREAD } = options;
    const random = new Random(seed);
    this.agenda = new Agenda(random.fork('ties'));
    const { agenda, probes } = this;
    const network = new MemoryNetwork({ time: agenda, random: random.fork('network') });
    this.network = network;
    const surroundings = { agenda, network, random: random.fork('all'), probes };
    const witness = new Witness(() => agenda.now);
    if (isForked) witness.write = () => {};
    const sizes = isLarge ? LARGE_SIZES : SMALL_SIZES;
    const all = { ...(isLarge ? LARGE : LIMITS), ...limits };
    this.#growth = new Growth({ surroundings, random, witness, limits: all, sizes, loadOf });
    this.#growth.begin({ shards, replicas: Math.min(3, nodes) });
    this.until('the cluster is founded', () => this.#growth.isFounded);
    for (let at = 1; at < nodes; at++) {
      this.#growth.join(0);
      this.until('it has a number', () => this.computers[at]?.identity !== undefined);
    }
    const isGrown = () =>
      this.computers.every(({ core }) => core?.state.map?.nodes.length === nodes) &&
      this.#growth.isPlaced;
    this.until('the cluster is grown', isGrown);
    const urls = this.computers.map(({ url }) => url);
    this.customer = new Customer({ number: 1, surroundings, urls, writes: this.writes });
  }

  get computers(): readonly Computer[] {
    return this.#growth.computers;
  }

  /** By its number on the map: nodes that join at the same time may be numbered in any order. */
  computer(node: number): Computer {
    const found = this.computers.find((computer) => computer.node === node);
    return found ?? fail(`there is no node ${node}`);
  }

  run(milliseconds: number): void {
    this.agenda.runUntil(this.agenda.now + milliseconds);
  }

  /** How long it took, in virtual milliseconds. */
  until(what: string, isSo: () => boolean, patience = GROWTH_MILLISECONDS): number {
    const began = this.agenda.now;
    while (!isSo()) {
      if (this.agenda.now >= began + patience) fail(`${what}: not in ${patience} ms`);
      this.run(STEP_MILLISECONDS);
    }
    return this.agenda.now - began;
  }

  /** The customer sets rows, so many at once; each has a key of its own. */
  put({ count, atOnce, value, lifeMilliseconds = 0 }: Rows): void {
    let begun = 0;
    let ended = 0;
    const next = () => {
      if (begun === count) return;
      const key = bytesOf(`row ${begun}`);
      begun += 1;
      const put = { type: 'set', key, value: bytesOf(value), lifeMilliseconds } as const;
      this.customer.write([put], () => {
        ended += 1;
        next();
      });
    };
    for (let at = 0; at < Math.min(count, atOnce); at++) next();
    this.until(`${count} rows are put`, () => ended === count, PUT_MILLISECONDS);
  }

  /** The customer writes one key after the other, all over the ring. */
  writeOn(): void {
    this.#isWriting = true;
    const next = (number: number): void => {
      if (!this.#isWriting) return;
      const value = bytesOf(`value ${number}`);
      const key = bytesOf(`key ${number % 500}`);
      const put = { type: 'set', key, value, lifeMilliseconds: 0 } as const;
      this.customer.write([put], () => {
        this.customer.after(PAUSE_MILLISECONDS, () => next(number + 1));
      });
    };
    next(0);
  }

  rest(): void {
    this.#isWriting = false;
    this.until('every call has ended', () => this.customer.waiting === 0);
  }

  /** The fraction of successful writes, of those that begin from now on. */
  servedIn(milliseconds: number): { readonly ok: number; readonly failed: number } {
    const { now } = this.agenda;
    this.run(milliseconds);
    const mine = this.writes.filter(({ invoke }) => invoke >= now);
    const ok = mine.filter(({ outcome }) => outcome === 'ok').length;
    return { ok, failed: mine.length - ok };
  }

  /** Whether a write that begins now is done soon. */
  isServed(): boolean {
    let isDone = false;
    const key = bytesOf('look');
    const put = { type: 'set', key, value: bytesOf('x'), lifeMilliseconds: 0 } as const;
    this.customer.write([put], ({ outcome }) => {
      isDone = outcome === 'ok';
    });
    this.run(SOON_MILLISECONDS);
    return isDone;
  }

  /** The result of a linearizable read; `no answer` if there is none for long. */
  read(key: string): string {
    let found: string | undefined;
    const keys = [bytesOf(key)];
    const level = { type: 'linearizable' } as const;
    this.customer.call<ReadCall>({ type: 'read', keys, level, isJoint: false }, (result) => {
      if (result.type !== 'rows') return;
      const value = result.rows[0]?.value;
      found = value === undefined ? '' : textOf(value);
    });
    for (let round = 0; round < 10 && found === undefined; round++) this.run(SOON_MILLISECONDS);
    return found ?? 'no answer';
  }

  /** A machine loses its disk. With an empty folder it becomes another node. */
  replaceDisk(node: number): void {
    const computer = this.computer(node);
    computer.lose();
    this.#growth.join(0, computer.url);
    this.until('it is replaced', () => this.#growth.isPlaced);
  }

  /** A copy of a node's folder, on another computer. */
  addTwin(copy: FolderCopy): Computer {
    const twin = this.#growth.newTwin();
    twin.putBack(copy);
    twin.start();
    return twin;
  }

  row(shard: ShardId): ShardRow {
    return newestMap(this.computers)?.shards[shard] ?? fail('there is no map');
  }

  get shards(): readonly ShardId[] {
    return (newestMap(this.computers)?.shards ?? []).map(({ shard }) => shard);
  }

  memberOn(node: number, shard: ShardId): Member | undefined {
    return this.row(shard).members.find((member) => member.node === node);
  }

  leaderOf(shard: ShardId): number {
    return 1 + this.computers.findIndex(({ core }) => core?.state.replicas.get(shard)?.isLeader);
  }

  /** The shards of which a node lacks committed entries of their leader. */
  laggingOn(node: number): readonly ShardId[] {
    return this.shards.filter((shard) => {
      const leader = this.computers[this.leaderOf(shard) - 1]?.core?.state.replicas.get(shard);
      const applied = this.computer(node).core?.state.replicas.get(shard)?.applied ?? 0;
      return leader === undefined || applied < leader.status().commit;
    });
  }

  /** All wanted members vote, and no other is listed. */
  isWhole(shard: ShardId): boolean {
    const { members, goal } = this.row(shard);
    const isSound = members.every(({ isWanted, isVoter }) => isWanted && isVoter);
    return isSound && members.length === goal.length;
  }
}
