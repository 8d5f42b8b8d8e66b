/** Losses of the disk of one computer that the cluster has to repair by itself. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { RestoredLog } from '../../src/raft/log.ts';
import type { Computer } from './computer.ts';
import type { Surroundings } from './surroundings.ts';
import { canSpare, newestMap } from './survivors.ts';

interface DiskLossesOptions {
  readonly surroundings: Surroundings;
  readonly computers: readonly Computer[];
  readonly random: Random;
  /** The power of a computer fails; it is started again some time. */
  readonly crash: (computer: Computer) => void;
}

export class DiskLosses {
  readonly #options: DiskLossesOptions;
  /** Entries that were corrupted, detected or not: the last of each shard. */
  readonly #damagedThrough = new Map<ShardId, number>();

  constructor(options: DiskLossesOptions) {
    this.#options = options;
  }

  /** A computer that has voted since loses its vote in some shards. */
  loseVotes(): void {
    const { random, surroundings, crash } = this.#options;
    const computer = this.#pick();
    if (computer === undefined) return;
    const shards = this.#wholeShards().filter((shard) => this.#holders(shard).includes(computer));
    crash(computer);
    for (const shard of shards) {
      if (!random.chance(0.5) || !computer.loseVote(shard)) continue;
      surroundings.probes.hit('a vote was lost');
    }
  }

  /** The present hard-state files are what a later loss of votes restores. */
  keepPromises(): void {
    this.#options.random.pick(this.#options.computers).keepPromises();
  }

  /** The state of every shard on a computer is lost; its log is sound. */
  loseState(): void {
    const { crash, surroundings } = this.#options;
    const computer = this.#pick();
    if (computer === undefined) return;
    const whole = this.#wholeShards();
    const own = [...(computer.core?.state.replicas.all ?? [])].map(({ shard }) => shard);
    if (!own.every((shard) => whole.includes(shard))) return;
    crash(computer);
    computer.loseState();
    for (const shard of own) computer.rotten.add(shard);
    surroundings.probes.hit('a state was lost');
  }

  /** Two replicas lose an entry each, which all others have. */
  damageTwo(): void {
    const { random, surroundings, crash } = this.#options;
    if (this.#pick() === undefined) return;
    const shard = random.pick(this.#wholeShards());
    if (shard === undefined) return;
    const holders = this.#holders(shard);
    const logs = holders.map(({ core }) => core?.state.log.replica(shard)?.log);
    const lowest = Math.max(
      this.#damagedThrough.get(shard) ?? 0,
      ...logs.map((log) => log?.base.index ?? 0),
    );
    const durable = holders.map(({ core }) => core?.state.replicas.get(shard)?.durable ?? 0);
    const last = Math.min(...durable);
    const isShared = (index: number) => {
      const terms = logs.map((log) => (log === undefined ? 0 : termAt(log, index)));
      return index > lowest && new Set(terms).size === 1;
    };
    const shared = Array.from({ length: 5 }, (_, at) => last - at).filter(isShared);
    const [one, other] = random.shuffle(shared);
    const [first, second] = random.shuffle(holders);
    if (one === undefined || other === undefined) return;
    this.#damagedThrough.set(shard, Math.max(one, other));
    for (const [computer, index] of [
      [first, one],
      [second, other],
    ] as const) {
      const log = logs[holders.indexOf(computer as Computer)];
      if (computer === undefined || log === undefined) continue;
      crash(computer);
      const isHit = computer.rotEntry(shard, { index, term: termAt(log, index) });
      if (isHit) surroundings.probes.hit('an entry was damaged');
    }
  }

  /** One whose absence the others tolerate, if all of them are there. */
  #pick(): Computer | undefined {
    const { computers, random } = this.#options;
    const areUp = computers.every(({ core, identity, isLost }) => {
      return isLost || (identity && core) !== undefined;
    });
    const there = computers.filter(({ isLost }) => !isLost);
    const computer = random.pick(there);
    return areUp && canSpare(computers, new Set([computer])) ? computer : undefined;
  }

  /** Shards with three voters or more, on computers that lost nothing of them. */
  #wholeShards(): readonly ShardId[] {
    const { computers } = this.#options;
    const map = newestMap(computers);
    return (map?.shards ?? []).flatMap(({ shard, members, goal }) => {
      const holders = this.#holders(shard);
      const isWhole =
        members.length >= 3 &&
        members.length === goal.length &&
        members.every(({ isVoter, isWanted }) => isVoter && isWanted) &&
        holders.length === members.length &&
        holders.every((computer) => hasAll(computer, shard));
      return isWhole ? [shard] : [];
    });
  }

  #holders(shard: ShardId): readonly Computer[] {
    return this.#options.computers.filter(
      ({ core }) => core?.state.replicas.get(shard) !== undefined,
    );
  }
}

function hasAll({ core, rotten }: Computer, shard: ShardId): boolean {
  const replica = core?.state.replicas.get(shard);
  if (replica === undefined || replica.isCorrupt || rotten.has(shard)) return false;
  const { mayVote, firstDamaged, configuration } = replica.status();
  const { voters, outgoing } = configuration.configuration;
  return mayVote && firstDamaged === undefined && outgoing.length === 0 && voters.length >= 3;
}

function termAt({ runs, base, lastIndex }: RestoredLog, index: number): number {
  if (index > lastIndex || index <= base.index) return 0;
  return runs.findLast((run) => run.index <= index)?.term ?? base.term;
}
