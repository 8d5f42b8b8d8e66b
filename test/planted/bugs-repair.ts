/** Bugs of how a shard comes back from what a node's disk lost. */

import type { Bug } from './bug.ts';

const LEADER = {
  file: 'src/catalog/configuration-step.ts',
  profiles: [],
  tests: ['configuration-step'],
};

const SHARD = { profiles: [], tests: ['replica'], isFast: true };
const REPAIR = { file: 'src/raft/repair.ts', profiles: ['disk'] };

export const REPAIR_BUGS: readonly Bug[] = [
  {
    file: 'src/node/replicas.ts',
    name: 'forgetful-for-ever',
    sentence: 'a voter that lost its vote is never replaced',
    find: 'if (found.mayVote) return;',
    replace: 'return;',
    profiles: [],
    tests: ['lost-replicas.slow'],
    isFast: false,
  },
  {
    ...REPAIR,
    name: 'damaged-waits-for-a-leader',
    sentence: 'a member with damage does not request entries, and two of three wait for each other',
    find: 'askForRepair(state) {',
    replace: 'askForRepair(state) { return;',
    isFast: false,
  },
  {
    ...REPAIR,
    name: 'repaired-by-another-entry',
    sentence: 'an entry of another term replaces a lost one',
    find: '|| log.termAt(entry.index) !== entry.term) return false;',
    replace: ') return false;',
    isFast: true,
  },
  {
    file: 'src/raft/follower.ts',
    name: 'state-missed-in-silence',
    sentence: 'a member that lost its state quiesces with the others',
    find: '|| isReceiving || state.isStateLost)',
    replace: '|| isReceiving)',
    profiles: ['disk'],
    isFast: true,
  },
  {
    file: 'src/raft/snapshot-receiver.ts',
    name: 'snapshot-before-the-log',
    sentence: 'a machine continues from a snapshot that the log does not reach back to',
    find: 'state.isStateLost && snapshot.index < state.log.base.index',
    replace: 'state.isStateLost && snapshot.index < 0',
    profiles: ['disk'],
    isFast: true,
  },
  {
    file: 'src/raft/truncation.ts',
    name: 'log-forgotten-without-state',
    sentence: 'the log drops what a lost state had, and no snapshot can be continued',
    find: 'if (state.isStateLost) return;',
    replace: '',
    profiles: ['disk'],
    isFast: true,
  },
  {
    ...SHARD,
    file: 'src/shard/applying.ts',
    name: 'damaged-for-ever',
    sentence: 'a replica with a snapshot in place of its damaged state still serves nothing',
    find: 'const wasCorrupt = state.isCorrupt; state.isCorrupt = false;',
    replace: 'const wasCorrupt = state.isCorrupt;',
  },
  {
    ...SHARD,
    file: 'src/shard/recovery.ts',
    name: 'replayed-with-a-hole',
    sentence: 'a state is rebuilt from a log that lost an entry',
    find: 'log.base.index === 0 && log.damaged.length === 0',
    replace: 'log.base.index === 0',
  },
  {
    ...LEADER,
    name: 'size-of-what-is-wanted',
    sentence: 'two lost replicas of three leave one voter',
    find: 'const sizeMin = Math.min(staying.length, led.row.goal.length); const liveMin',
    replace: 'const sizeMin = Math.min(staying.length, wanted.length); const liveMin',
    isFast: true,
  },
  {
    ...LEADER,
    name: 'lost-members-leave-together',
    sentence: 'the next lost member is removed though the place of the first has no voter yet',
    find: 'if (voters.length < goal.length) return undefined;',
    replace: '',
    isFast: true,
  },
  {
    file: 'src/catalog/move-planner.ts',
    name: 'one-place-holds-up-the-others',
    sentence: 'nothing of a shard is placed while one node still has a former member',
    find: 'if (free.length === row.goal.length) return free;',
    replace: 'if (free.length === row.goal.length) return free; else return wanted;',
    profiles: [],
    tests: ['move-planner-history'],
    isFast: true,
  },
];
