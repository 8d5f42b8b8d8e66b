/**
 * Folders whose state and log have two histories: a majority of the other nodes lost what it had
 * acknowledged, and continued without it. A start never ends in an assertion, and no entry is
 * applied to a state that it does not belong to.
 */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { LogEntry, Message } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { newborn } from '../../src/shard/recovery.ts';
import type { RestoredReplica } from '../../src/storage/log/log.ts';
import { LEADER, PAIR, ReplicaRig, SELF, SHARD } from './replica-rig.ts';

/** Index and term. */
type At = readonly [index: number, term: number];

interface Folder {
  readonly name: string;
  readonly state: At;
  readonly base: At;
  /** Of the entries after the base. */
  readonly terms: readonly number[];
  readonly commit: number;
  readonly outcome: /** The state is given up; a snapshot replaces it under the same member id. */
    | 'fetched'
    /** The state is given up, and rebuilt from the log. */
    | 'replayed'
    /** The log is given up: the state is a snapshot that was to replace it. */
    | 'restarted'
    | 'goes on';
}

const FOLDERS: readonly Folder[] = [
  {
    name: 'the log knows another entry to be committed where the state ends',
    ...{ state: [5, 2], base: [2, 2], terms: [2, 2, 3, 3], commit: 5, outcome: 'fetched' },
  },
  {
    name: 'the log has another entry where the state ends, and none knows it to be committed',
    ...{ state: [5, 2], base: [2, 2], terms: [2, 2, 3, 3], commit: 4, outcome: 'restarted' },
  },
  {
    name: 'the state ends with a later entry than the committed one',
    ...{ state: [5, 4], base: [2, 2], terms: [2, 2, 3, 3], commit: 5, outcome: 'fetched' },
  },
  {
    name: 'the log begins behind an entry of a later term than that of the state',
    ...{ state: [5, 2], base: [5, 3], terms: [3], commit: 5, outcome: 'fetched' },
  },
  {
    name: 'the log begins behind an entry of an earlier term than that of the state',
    ...{ state: [5, 3], base: [5, 2], terms: [2, 2], commit: 7, outcome: 'fetched' },
  },
  {
    name: 'the state is before the log, and of a later term',
    ...{ state: [5, 4], base: [6, 3], terms: [3], commit: 6, outcome: 'fetched' },
  },
  {
    name: 'the state is behind the log, and of an earlier term than what is committed',
    ...{ state: [8, 2], base: [2, 2], terms: [2, 3, 3], commit: 4, outcome: 'fetched' },
  },
  {
    name: 'the state is behind the log, and of an earlier term than what is not committed',
    ...{ state: [8, 2], base: [2, 2], terms: [2, 3, 3], commit: 3, outcome: 'restarted' },
  },
  {
    name: 'the log has everything, and the state is of another history',
    ...{ state: [5, 1], base: [0, 0], terms: [1, 1, 2, 2, 2, 2], commit: 6, outcome: 'replayed' },
  },
  {
    name: 'more is known to be committed than the log has',
    ...{ state: [5, 2], base: [2, 2], terms: [2, 2, 2, 2], commit: 90, outcome: 'goes on' },
  },
];

for (const folder of FOLDERS) {
  test(`${folder.name}: ${folder.outcome}`, () => {
    const { outcome, state, base, terms } = folder;
    const rig = rigWithState(state);
    const last = base[0] + terms.length;
    // Whatever a life of it does, the next one is no worse off.
    for (let life = 0; life < 2; life++) {
      rig.open(foundIn(folder));
      rig.turns(4);
      rig.tick(20);
      equal(rig.isCorrupt, outcome === 'fetched');
      equal(rig.store.isDamaged(SHARD), outcome === 'fetched');
      const { commit, base: begin, mayVote } = rig.replica.status();
      ok(mayVote, 'its log is what it was, so it votes');
      ok(commit <= last || outcome === 'restarted');
      equal(begin.index, outcome === 'restarted' ? state[0] : base[0]);
      if (outcome === 'fetched') equal(rig.replica.applied, state[0], 'nothing is applied');
      if (outcome === 'restarted') break;
    }
    equal(rig.stopReason, '');
  });
}

/** A former life left a state that ends there. */
function rigWithState([index, term]: At): ReplicaRig {
  const rig = new ReplicaRig();
  rig.store.create(SHARD, PAIR);
  for (let at = 1; at <= index; at++) {
    const position = { index: at, term: at < index ? 1 : term };
    rig.store.apply(SHARD, { position, configuration: undefined, writes: [] });
  }
  return rig;
}

function foundIn({ base, terms, commit }: Folder): RestoredReplica {
  const [first] = base;
  const runs = terms.flatMap((term, at) => {
    return at > 0 && terms[at - 1] === term ? [] : [{ index: first + at + 1, term }];
  });
  const log = { base: placeOf(base), runs, lastIndex: first + terms.length, damaged: [] };
  const hardState = { term: 5, vote: LEADER, commit };
  const configurations = [{ at: ORIGIN, configuration: PAIR }];
  return { ...newborn(SELF, PAIR), hardState, log, configurations };
}

function placeOf([index, term]: At) {
  return { index, term };
}

const ENVELOPE = { shard: SHARD, from: LEADER, to: SELF } as const;
const TOLD = { round: 1, configuration: ORIGIN };

/** It has entries through 6/2, and all of them are committed. */
function replicaWithHistory(): ReplicaRig {
  const rig = rigWithState([6, 2]);
  const terms = [1, 1, 1, 1, 1, 2];
  const folder = { state: [6, 2], base: [0, 0], terms, commit: 6 } as const;
  rig.open(foundIn({ ...folder, name: '', outcome: 'goes on' }));
  rig.turns(4);
  return rig;
}

function contradiction(term: number): Message {
  const entries: LogEntry[] = [{ index: 5, term, kind: 'empty' }];
  const previous = { index: 4, term: 1 };
  return { type: 'append', ...ENVELOPE, term, previous, entries, commit: 5, ...TOLD };
}

function beat(term: number, isEstablished: boolean): Message {
  const rest = { isLast: false, isEstablished, timeoutMilliseconds: 200 };
  return { type: 'heartbeat', ...ENVELOPE, term, commit: 0, ...TOLD, ...rest };
}

test('a replica whose history a majority has left acknowledges nothing more, and is lost', () => {
  const rig = replicaWithHistory();
  rig.replica.receive(contradiction(7));
  rig.turns(4);
  equal(rig.stopReason, '', 'whose history goes on is not known yet');
  ok(rig.replica.status().contradiction !== undefined, 'people are told');
  rig.messages.splice(0);
  rig.replica.receive(beat(7, false));
  rig.turns(4);
  deepEqual(rig.messages, [], 'no answer that its leader could count');
  rig.replica.receive(beat(7, true));
  rig.takeFacts();
  match(rig.stopReason, /entry 5\/1 is committed here, and the leader has 5\/7 instead/);
  equal(rig.isLost, true);
  const last = { index: 9, term: 7 };
  const request = { isPreVote: false, isTransfer: true, last, configuration: ORIGIN, sentAt: 0 };
  rig.replica.receive({ type: 'vote-request', ...ENVELOPE, term: 8, ...request });
  rig.tick(100);
  deepEqual(rig.messages, [], 'no vote, and no campaign');
  equal(rig.replica.applied, 6, 'what it had applied stands');
});

test('a leader of an earlier term, and a late append, contradict nothing', () => {
  const rig = replicaWithHistory();
  rig.replica.receive(contradiction(4));
  const previous = { index: 3, term: 1 };
  const late: LogEntry[] = [{ index: 4, term: 1, kind: 'empty' }];
  const append = { type: 'append', ...ENVELOPE, term: 5, previous, entries: late } as const;
  rig.replica.receive({ ...append, commit: 4, ...TOLD });
  rig.replica.receive(beat(5, true));
  rig.turns(4);
  equal(rig.replica.status().contradiction, undefined);
  equal(rig.replica.leader, LEADER);
});
