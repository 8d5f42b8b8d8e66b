/** Random records that a node could write: appends, truncations, restarts, creation, removal. */

import { type MemberId, NO_MEMBER, type NodeId, type ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import type { HardState, Write } from '../../src/raft/ready.ts';
import type { LogRecord } from '../../src/storage/log/log.ts';
import type { LogModel, ReplicaModel } from './log-model.ts';

export interface Taste {
  readonly shards: number;
  readonly payloadBytesMax: number;
  readonly entriesMax: number;
}

export const SMALL: Taste = { shards: 4, payloadBytesMax: 120, entriesMax: 5 };

let lastMember = 0;

/** A record that may follow the model's state; it is applied to the model. */
export function randomRecord(model: LogModel, random: Random, taste: Taste): LogRecord {
  const shard = random.below(taste.shards) as ShardId;
  const replica = model.replicas.get(shard);
  if (random.chance(LIVES)) {
    const life = randomLife(random);
    model.take(life);
    return life;
  }
  const record = replica === undefined ? creation(shard) : step(replica, { shard, random, taste });
  model.take(record);
  return record;
}

/** The share of records that concern nodes. */
const LIVES = 0.05;

function randomLife(random: Random): LogRecord {
  const node = random.between(1, 4) as NodeId;
  if (random.chance(0.2)) return { type: 'forget-node', node };
  return { type: 'life', node, incarnation: random.between(1, 3), word: random.word() };
}

function creation(shard: ShardId): LogRecord {
  lastMember += 1;
  const member = lastMember as MemberId;
  const configuration = { voters: [member], outgoing: [], learners: [] };
  return { type: 'create', shard, member, configuration: { at: ORIGIN, configuration } };
}

interface Scene {
  readonly shard: ShardId;
  readonly random: Random;
  readonly taste: Taste;
}

function step(replica: ReplicaModel, scene: Scene): LogRecord {
  const { shard, random } = scene;
  const choice = random.below(100);
  if (choice < 1) return { type: 'remove', shard, configuration: replica.base };
  if (choice < 22 && replica.entries.length > 0) {
    const all = random.chance(0.5);
    const count = all ? replica.entries.length : random.between(1, replica.entries.length);
    return { type: 'forget', shard, index: replica.base.index + count };
  }
  return { type: 'write', shard, write: randomWrite(replica, scene) };
}

function randomWrite(replica: ReplicaModel, { random, taste }: Scene): Write {
  let hardState = nextHardState(replica, random);
  let lastIndex = replica.lastIndex;
  let snapshot: Write['snapshot'];
  let lastTerm = replica.termAt(lastIndex) ?? 0;
  if (random.chance(0.04)) {
    const index = Math.max(1, random.between(replica.base.index + 1, lastIndex + 5));
    const known = replica.termAt(index);
    const isKnown = known !== undefined && random.chance(0.7);
    const term = isKnown ? known : Math.max(1, hardState.term);
    const configuration = { voters: [replica.member], outgoing: [], learners: [] };
    snapshot = { index, term, configuration, configurationAt: { index, term } };
    if (known !== term) {
      lastIndex = index;
      lastTerm = term;
    }
  }
  const first = snapshot?.index ?? replica.base.index;
  const cut = random.chance(0.15) && lastIndex > first;
  const from = cut ? random.between(first + 1, lastIndex) : lastIndex + 1;
  if (cut) {
    // A replacing entry has a later term: a position is never reused.
    const term = Math.max(
      hardState.term,
      (replica.termAt(replica.lastIndex) ?? 0) + 1,
      lastTerm + 1,
    );
    if (term > hardState.term) hardState = { ...hardState, term, vote: NO_MEMBER };
    lastTerm = term;
  }
  const entries = randomEntries({ from, lastTerm, term: hardState.term }, { random, taste });
  const repairs = snapshot === undefined && !cut ? randomRepairs(replica, random) : [];
  const position = { index: from + entries.length - 1, term: entries.at(-1)?.term ?? lastTerm };
  const isCut = cut && entries.length === 0;
  // Only entries in the log are committed.
  const commit = Math.min(hardState.commit, isCut ? from : position.index);
  return {
    mark: { number: 1, position },
    hardState: { ...hardState, commit },
    snapshot,
    entries: isCut ? [{ index: from, term: Math.max(lastTerm, 1), kind: 'empty' }] : entries,
    repairs,
  };
}

function nextHardState({ hardState, lastIndex }: ReplicaModel, random: Random): HardState {
  const isLater = random.chance(0.2) || hardState.term === 0;
  const term = isLater ? hardState.term + random.between(1, 3) : hardState.term;
  const isVoting = isLater ? random.chance(0.7) : false;
  const vote = (isVoting ? random.between(1, 9) : isLater ? 0 : hardState.vote) as MemberId;
  return { term, vote, commit: random.chance(0.8) ? lastIndex : hardState.commit };
}

function randomEntries(
  at: { readonly from: number; readonly lastTerm: number; readonly term: number },
  { random, taste }: Pick<Scene, 'random' | 'taste'>,
): LogEntry[] {
  const entries: LogEntry[] = [];
  let term = Math.max(1, at.lastTerm);
  const count = random.below(taste.entriesMax + 1);
  for (let nth = 0; nth < count; nth++) {
    if (term < at.term && random.chance(0.5)) term = at.term;
    const index = at.from + nth;
    const choice = random.below(20);
    if (choice === 0) entries.push({ index, term, kind: 'empty' });
    else if (choice === 1) {
      const voters = [random.between(1, 5), random.between(6, 9)] as MemberId[];
      const configuration = { voters, outgoing: [], learners: [] };
      entries.push({ index, term, kind: 'configuration', configuration });
    } else {
      const payload = new Uint8Array(random.below(taste.payloadBytesMax));
      for (let byte = 0; byte < payload.length; byte++) payload[byte] = random.below(256);
      entries.push({ index, term, kind: 'command', payload });
    }
  }
  return entries;
}

function randomRepairs({ entries }: ReplicaModel, random: Random): LogEntry[] {
  if (entries.length === 0 || !random.chance(0.1)) return [];
  return [random.pick(entries)];
}
