/** One replica on a real state store and a log that is always durable, driven turn by turn. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { MACHINE_LIMITS, RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import type { Fact } from '../../src/raft/fact.ts';
import type { EntryRange } from '../../src/raft/log.ts';
import type { AppendEntries, LogEntry, Message } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import type { Mark } from '../../src/raft/ready.ts';
import type { TellingLimits } from '../../src/shard/changed-ranges.ts';
import { DataMachine } from '../../src/shard/data-machine.ts';
import { Histories } from '../../src/shard/histories.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { newborn, recoverReplica } from '../../src/shard/recovery.ts';
import type { Replica } from '../../src/shard/replica.ts';
import type { ReplicaFact } from '../../src/shard/replica-fact.ts';
import type { ReplicaContext, Turns } from '../../src/shard/replica-state.ts';
import type { Responder } from '../../src/shard/responder.ts';
import type { Log, LogRecord, RestoredReplica } from '../../src/storage/log/log.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import type { Response } from '../../src/wire/response.ts';
import { MemoryMedium } from '../storage/state-rig.ts';
import { AT_ONCE } from './at-once.ts';

export const SHARD = 3 as ShardId;
export const SELF = 11 as MemberId;
export const LEADER = 22 as MemberId;
export const PAIR = { voters: [SELF, LEADER], outgoing: [], learners: [] };
export const ALONE = { voters: [SELF], outgoing: [], learners: [] };
export const WALL = 1_700_000_000_000;

export class ReplicaRig {
  readonly medium: MemoryMedium;
  readonly store: StateStore;
  readonly facts: Fact[] = [];
  readonly questions: number[] = [];
  /** Holders of keys that a request waits for, by their ages. */
  readonly met: string[] = [];
  readonly records: LogRecord[] = [];
  readonly messages: Message[] = [];
  readonly entries = new Map<number, LogEntry>();
  now = 5000;
  fair: Turns = AT_ONCE;
  telling: TellingLimits = SHARD_LIMITS.telling;
  readonly histories = new Histories({ bytesMax: 64 * 1024 * 1024 });
  readonly streams = { streams: 0, messages: 0, bytes: 0, gone: 0 };
  stopReason = '';
  isLost = false;
  /** Whether the node was told that the state is damaged. */
  isCorrupt = false;
  /** While the log's disk is blocked, completions queue. */
  isLogStuck = false;
  isStoreStuck = false;
  /** How often the node was told that the recording ends before long. */
  recordingDue = 0;
  #marks: Mark[] = [];
  #replica: Replica | undefined;
  #isTouched = false;

  readonly #life: number;

  constructor(life = 0) {
    const medium = new MemoryMedium();
    this.medium = medium;
    this.#life = life;
    this.store = new StateStore({
      disk: medium.openNow(),
      identity: Uint8Array.of(1),
      durableIndex: () => this.#replica?.durable ?? Number.POSITIVE_INFINITY,
      onProgress: () => this.#replica?.proceed(),
      onBatch: ({ forgettable: [shard] }) => this.#replica?.saved(shard?.description.index ?? 0),
      onDamage: () => {},
    });
  }

  get replica(): Replica {
    if (this.#replica === undefined) throw new Error('the rig has a replica');
    return this.#replica;
  }

  open(found: RestoredReplica = newborn(SELF, NO_CONFIGURATION)): void {
    const onWork = () => {
      this.#isTouched = true;
    };
    this.#replica = recoverReplica({ shard: SHARD, found, onWork }, this.#options());
    this.takeFacts();
  }

  turn(): void {
    const { replica } = this;
    if (!this.isLogStuck) for (const mark of this.#marks.splice(0)) replica.settle(mark);
    this.#isTouched = false;
    const ready = replica.take();
    for (const record of replica.takeRecords()) {
      this.records.push(record);
      if (record.type !== 'write') continue;
      for (const entry of record.write.entries) this.entries.set(entry.index, entry);
      this.#marks.push(record.write.mark);
    }
    this.messages.push(...(ready?.messages ?? []));
    replica.finish(ready);
    this.takeFacts();
    this.store.work(this.now);
    if (!this.isStoreStuck) this.medium.turnNow();
  }

  turns(count: number): void {
    for (let at = 0; at < count; at++) this.turn();
  }

  tick(count = 1): void {
    for (let at = 0; at < count; at++) {
      this.now += RAFT_LIMITS.tickMilliseconds;
      this.replica.tick();
      this.turns(3);
    }
  }

  /** Its only voter is elected and has applied an entry of its term. */
  lead(): void {
    this.open(newborn(SELF, ALONE));
    while (!this.replica.isLeader || this.replica.applied === 0) this.tick();
  }

  /** The entries that a leader of term 1 sends to this follower, all of them committed. */
  append(entries: readonly LogEntry[], term = 1): void {
    const [first] = entries;
    const index = (first?.index ?? 1) - 1;
    const previous = index === 0 ? ORIGIN : { index, term: this.entries.get(index)?.term ?? term };
    const message: AppendEntries = {
      type: 'append',
      shard: SHARD,
      from: LEADER,
      to: SELF,
      term,
      previous,
      entries,
      commit: index + entries.length,
      round: 1,
      configuration: { index: 1, term: 1 },
    };
    this.replica.receive(message);
    this.turns(4);
  }

  requester(): {
    readonly requester: { responder: Responder; id: number };
    readonly responses: Response[];
  } {
    const responses: Response[] = [];
    const responder = { respond: (response: Response) => void responses.push(response) };
    return { requester: { responder, id: 7 }, responses };
  }

  get isTouched(): boolean {
    return this.#isTouched;
  }

  /** The node's part in the result. */
  takeFacts(): void {
    for (const fact of this.replica.takeFacts()) this.#take(fact);
  }

  #take(fact: ReplicaFact): void {
    switch (fact.type) {
      case 'raft':
        this.facts.push(fact.fact);
        return;
      case 'leader-query':
        this.questions.push(fact.question);
        return;
      case 'lock-wait':
        this.met.push(`${fact.holder.age}${fact.isPreempting ? ' pressed' : ''}`);
        return;
      case 'corruption-changed':
        this.isCorrupt = this.replica.isCorrupt;
        return;
      case 'stopped':
        this.stopReason = fact.stop.reason;
        this.isLost = fact.stop.isLost;
        return;
      case 'deferred':
        return;
      case 'recording-due':
        this.recordingDue += 1;
        return;
    }
  }

  get context(): ReplicaContext {
    return {
      store: this.store,
      fair: this.fair,
      histories: this.histories,
      streams: this.streams,
      telling: this.telling,
      leases: { kept: 0, granted: 0, fenced: 0 },
      clock: () => this.now,
      valueBytesMax: MACHINE_LIMITS.valueBytesDefault,
      nodeOf: () => 0,
    };
  }

  #options() {
    const view = {
      get: (section: number, key: Uint8Array) => this.store.get(SHARD, section, key),
    };
    return {
      context: this.context,
      log: this.#log(),
      random: new Random(1 + this.#life),
      limits: RAFT_LIMITS,
      wall: WALL,
      linksOf: () => ({ room: () => Number.POSITIVE_INFINITY, taken: () => {} }),
      machineOf: () => new DataMachine(view),
    };
  }

  /** The operations of a replica on its log; the rest belongs to the node. */
  #log(): Log {
    const read = ({ from, to }: EntryRange) => {
      const found: LogEntry[] = [];
      for (let index = from; index <= to; index++) {
        const entry = this.entries.get(index);
        if (entry !== undefined) found.push(entry);
      }
      return found.length > 0 ? found : 'damaged';
    };
    const append = (records: readonly LogRecord[]) => void this.records.push(...records);
    return { reader: () => ({ read }), append } as unknown as Log;
  }
}
