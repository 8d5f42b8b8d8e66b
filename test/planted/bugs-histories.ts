/** Bugs in what is made of two histories: of folders and leaders that contradict each other. */

import type { Bug } from './bug.ts';

const FORK = { paper: '§5.4.3', profiles: [], isFast: false };
const IN_RAFT = { ...FORK, profiles: ['lite'] };

export const HISTORY_BUGS: readonly Bug[] = [
  {
    ...IN_RAFT,
    file: 'src/raft/contradiction.ts',
    name: 'contradiction-unseen',
    sentence: 'a log takes entries after a committed one that its leader does not have',
    find: 'return term > log.base.term; return log.termAt(index) !== term;',
    replace: 'return false; return false;',
  },
  {
    ...IN_RAFT,
    file: 'src/raft/contradiction.ts',
    name: 'doubtful-leader-answered',
    sentence: 'a leader that lacks committed entries is still answered, so no other replaces it',
    find: 'if (contradiction?.term !== state.term || contradiction.leader !== message.from)',
    replace: 'if (true)',
  },
  {
    ...IN_RAFT,
    file: 'src/raft/contradiction.ts',
    name: 'gives-up-for-any-leader',
    sentence: 'a replica gives itself up for a leader that no majority follows',
    find: "const isFollowed = message.type === 'heartbeat' && message.isEstablished;",
    replace: 'const isFollowed = true;',
  },
  {
    ...IN_RAFT,
    file: 'src/raft/contradiction.ts',
    name: 'doubtful-candidate-elected',
    sentence: 'a leader that lacks committed entries is voted for again at once',
    find: 'return ticks - contradiction.tick < limits.electionTicksMax;',
    replace: 'return false;',
  },
  {
    ...IN_RAFT,
    file: 'src/raft/follower.ts',
    name: 'answer-beyond-the-agreement',
    sentence: 'a follower acknowledges committed entries that its leader has not shown to have',
    find: 'return log.termAt(commit) === term ? Math.max(index, commit) : index;',
    replace: 'return Math.max(index, commit);',
  },
  {
    ...IN_RAFT,
    file: 'src/raft/follower.ts',
    name: 'short-log-still-votes',
    sentence: 'a member that finds its log shorter than what it acknowledged continues to vote',
    find: 'state.mayVote = false;',
    replace: '',
  },
  {
    ...FORK,
    file: 'src/shard/recovery.ts',
    name: 'state-of-another-history',
    sentence: 'a state that contradicts the committed log is kept',
    find: 'return isContradicted({ log: known, commit }, state);',
    replace: 'return false;',
    tests: ['contradictory-folders'],
  },
  {
    ...FORK,
    file: 'src/shard/replica-state.ts',
    name: 'contradicted-goes-on',
    sentence: 'a replica whose history a majority has left does not stop',
    find: "outcome.reason === 'contradicted'",
    replace: 'false',
    tests: ['contradictory-folders'],
  },
  {
    ...FORK,
    file: 'src/storage/log/log-replay.ts',
    name: 'lost-end-unnoticed',
    sentence: 'a log that ends before what is committed votes as before',
    find: 'if (replica.hardState.commit > replica.lastIndex) replica.mayVote = false;',
    replace: '',
    tests: ['hard-state'],
  },
];
