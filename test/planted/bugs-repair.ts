/** Bugs of how a shard comes back from what a node's disk lost. */

import type { Bug } from './bug.ts';

const LEADER = { file: 'src/catalog/leader-step.ts', profiles: [], tests: ['leader-step'] };

const REPAIR = { file: 'src/raft/repair.ts', profiles: ['disk'] };

export const REPAIR_BUGS: readonly Bug[] = [
  {
    file: 'src/core/replicas.ts',
    name: 'forgetful-for-ever',
    sentence: 'a voter that lost its vote stays one, and no other node may be lost any more',
    trap: '5, 12',
    find: 'if (found.mayVote) return;',
    replace: 'return;',
    profiles: [],
    tests: ['lost-replicas'],
    isFast: false,
  },
  {
    ...REPAIR,
    name: 'damaged-waits-for-a-leader',
    sentence: 'a member with damage asks nobody for it, and two of three wait for each other',
    trap: '4, 5',
    find: 'askForRepair(core) {',
    replace: 'askForRepair(core) { return;',
    isFast: false,
  },
  {
    ...REPAIR,
    name: 'repaired-by-another-entry',
    sentence: 'an entry of another term is put where one was lost',
    trap: '4, 9',
    find: '|| log.termAt(entry.index) !== entry.term) return false;',
    replace: ') return false;',
    isFast: true,
  },
  {
    ...LEADER,
    name: 'size-of-what-is-wanted',
    sentence: 'two lost replicas of three leave one voter',
    trap: '21, M2',
    find: 'const sizeMin = Math.min(staying.length, led.row.goal.length); const liveMin',
    replace: 'const sizeMin = Math.min(staying.length, wanted.length); const liveMin',
    isFast: true,
  },
  {
    ...LEADER,
    name: 'lost-members-leave-together',
    sentence: 'the next lost member goes though the place of the first has no voter yet',
    trap: '21, M2',
    find: 'if (voters.length < goal.length) return undefined;',
    replace: '',
    isFast: true,
  },
  {
    file: 'src/catalog/planner.ts',
    name: 'one-place-holds-up-the-others',
    sentence: 'nothing of a shard is placed while one node still has a former member',
    trap: 'M1',
    find: 'if (free.length === row.goal.length) return free;',
    replace: 'if (free.length === row.goal.length) return free; else return wanted;',
    profiles: [],
    tests: ['planner-history'],
    isFast: true,
  },
];
