/** The cost of Raft itself: proposals until they are committed and applied on three replicas. */

import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { LogEntry, Message } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Raft } from '../../src/raft/raft.ts';
import type { Write } from '../../src/raft/ready.ts';
import { decodeFrame, encodeFrame } from '../../src/wire/frame.ts';
import { type BenchRow, type BenchTask, measure } from './report.ts';

const VOTERS = [1, 2, 3] as MemberId[];
const PAYLOAD = new Uint8Array(64);
/** Entries proposed in one call, in batches; few enough to truncate the log in between. */
const ENTRIES = 1024;

export async function run(): Promise<BenchRow[]> {
  return measure([
    proposalTask({ batch: 1, isEncoded: false }),
    proposalTask({ batch: 64, isEncoded: false }),
    proposalTask({ batch: 1000, isEncoded: false }),
    proposalTask({ batch: 1, isEncoded: true }),
    proposalTask({ batch: 64, isEncoded: true }),
    readTask(64),
  ]);
}

/** Three replicas in one thread whose disks are arrays and whose network is a call. */
class Trio {
  readonly #replicas = VOTERS.map((self) => new Replica(self));
  readonly #isEncoded: boolean;
  granted = 0;

  constructor({ isEncoded }: { readonly isEncoded: boolean }) {
    this.#isEncoded = isEncoded;
    this.leader.raft.step({ type: 'campaign' });
    this.settle();
  }

  get leader(): Replica {
    return this.#replicas[0] as Replica;
  }

  settle(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      for (const replica of this.#replicas) {
        if (!replica.raft.hasReady) continue;
        isBusy = true;
        this.#turn(replica);
      }
    }
  }

  forget(): void {
    for (const replica of this.#replicas) replica.forget();
  }

  #turn(replica: Replica): void {
    const { write, messages, committed, reads } = replica.raft.take();
    if (write !== undefined) replica.write(write);
    for (const message of messages) {
      for (const arrived of this.#carry(message)) {
        this.#replicas[arrived.to - 1]?.raft.step({ type: 'message', message: arrived });
      }
    }
    const index = committed.at(-1)?.index;
    if (index !== undefined) replica.raft.step({ type: 'applied', index });
    if (write !== undefined) replica.raft.step({ type: 'durable', mark: write.mark });
    this.granted += reads.length;
  }

  #carry(message: Message): readonly Message[] {
    if (!this.#isEncoded) return [message];
    return decodeFrame(encodeFrame([message])) ?? [];
  }
}

class Replica {
  readonly raft: Raft;
  #entries: LogEntry[] = [];
  #first = 1;

  constructor(self: MemberId) {
    const configuration = { voters: VOTERS, outgoing: [], learners: [] };
    this.raft = new Raft({
      shard: 1 as ShardId,
      self,
      limits: { ...RAFT_LIMITS, tailEntries: 1 },
      random: new Random(self),
      entries: {
        read: ({ from, to }) => this.#entries.slice(from - this.#first, to + 1 - this.#first),
      },
      snapshots: { open: () => undefined, read: () => 'gone', release() {} },
      restored: {
        hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
        log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
        configurations: [{ at: ORIGIN, configuration }],
        applied: 0,
        mayVote: true,
      },
    });
  }

  write({ entries }: Write): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  forget(): void {
    this.raft.step({ type: 'truncate', index: this.raft.status().applied });
    const { index } = this.raft.status().base;
    this.#entries = this.#entries.slice(index + 1 - this.#first);
    this.#first = index + 1;
  }
}

function proposalTask(options: { readonly batch: number; readonly isEncoded: boolean }): BenchTask {
  const { batch, isEncoded } = options;
  const trio = new Trio({ isEncoded });
  const payloads = Array.from({ length: batch }, () => PAYLOAD);
  const rounds = Math.ceil(ENTRIES / batch);
  const work = () => {
    for (let round = 0; round < rounds; round++) {
      trio.leader.raft.step({ type: 'propose', payloads });
      trio.settle();
    }
    trio.forget();
    return trio.leader.raft.status().commit;
  };
  const way = isEncoded ? ', as bytes' : '';
  return { name: `raft entry, batches of ${batch}${way}`, operations: rounds * batch, work };
}

function readTask(batch: number): BenchTask {
  const trio = new Trio({ isEncoded: false });
  const rounds = Math.ceil(ENTRIES / batch);
  const work = () => {
    for (let round = 0; round < rounds; round++) {
      for (let id = 0; id < batch; id++) trio.leader.raft.step({ type: 'read', id });
      trio.settle();
    }
    return trio.granted;
  };
  return { name: `linearizable read, ${batch} a round`, operations: rounds * batch, work };
}
