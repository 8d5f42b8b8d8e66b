/** Planted bugs in the change of configurations. */

import type { Bug } from './bug.ts';

const PROFILES = ['membership', 'raft'];

export const MEMBERSHIP_BUGS: readonly Bug[] = [
  {
    name: 'configuration-at-commit',
    sentence: 'a configuration comes into force when it is committed',
    file: 'src/raft/state.ts',
    find: 'return state.configurations.newest.configuration;',
    replace: `const { all } = state.configurations;
      return state.configurations.at(Math.max(state.commit, all[0].at.index)).configuration;`,
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'change-without-own-term-commit',
    sentence: 'a leader changes the configuration before it knows the newest committed one',
    file: 'src/raft/change.ts',
    find: 'if (state.commit < leader.firstOwnIndex)',
    replace: 'if (false)',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'second-change-while-pending',
    sentence: 'a change begins while another one is not committed',
    file: 'src/raft/change.ts',
    find: 'if (at.index > state.commit || isJoint(configuration))',
    replace: 'if (isJoint(configuration))',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'joint-form-skipped',
    sentence: 'voters are replaced at once, without the joint form',
    paper: '§6',
    file: 'src/raft/configuration.ts',
    find: 'const outgoing = isSame ? [] : current.voters;',
    replace: 'const outgoing = [];',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'joint-commit-by-one-half',
    sentence: 'in the joint form the new voters alone commit',
    paper: '§6',
    file: 'src/raft/quorum.ts',
    find: 'return Math.min(incoming, reachedByMajority(configuration.outgoing, reached));',
    replace: 'return incoming;',
    profiles: PROFILES,
    isFast: true,
  },
  {
    name: 'joint-election-by-one-half',
    sentence: 'in the joint form the new voters alone elect',
    paper: '§6',
    file: 'src/raft/quorum.ts',
    find: "return incoming === 'won' && outgoing === 'won' ? 'won' : 'open';",
    replace: 'return incoming;',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'learner-counted',
    sentence: 'a learner counts towards a majority of the voters',
    file: 'src/raft/quorum.ts',
    find: 'const incoming = reachedByMajority(configuration.voters, reached);',
    replace: `const { voters, learners } = configuration;
      const falling = [...voters, ...learners].map(reached).sort((one, other) => other - one);
      const incoming = falling[majorityOf(voters.length) - 1] ?? 0;`,
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'reverted-configuration-kept',
    sentence: 'a configuration stays in force when its entry is cut off',
    file: 'src/raft/state.ts',
    find: 'if (state.configurations.cutFrom(index))',
    replace: 'if (false)',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'removed-leader-stays',
    sentence: 'a leader leads on after its own removal is committed',
    file: 'src/raft/commit.ts',
    find: "stepDown(state, 'stepped-down-after-removal');",
    replace: '',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'removed-member-not-told',
    sentence: 'a removed member never learns that it was removed',
    file: 'src/raft/receive.ts',
    find: "if (message.type === 'vote-request') sendRemoved(state, message);",
    replace: '',
    profiles: PROFILES,
    isFast: false,
  },
  {
    name: 'voter-before-catch-up',
    sentence: 'a learner becomes a voter however far behind it is',
    file: 'src/raft/change.ts',
    find: 'const isNear = leader.isQuiet || progress?.isCaughtUp(leaderNow);',
    replace: 'const isNear = true;',
    profiles: PROFILES,
    isFast: false,
  },
];
