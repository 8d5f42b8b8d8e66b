/** The next step of a shard's leader, as a table: members are letters, the leader is a. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import type { ShardRow } from '../../src/catalog/cluster-map.ts';
import { type Led, nextConfigurationStep } from '../../src/catalog/configuration-step.ts';

interface Case {
  /** Members of the row, on nodes 1, 2 ...: `a` wanted, `A` being removed. */
  readonly row: string;
  /** The voters according to the row; by default those of the configuration. */
  readonly reported?: string;
  readonly voters: string;
  readonly learners?: string;
  /** Followers that are heard and have caught up; all by default. */
  readonly live?: string;
  readonly slow?: string;
  readonly preferred?: string;
  /** Members on nodes that are drained or removed. */
  readonly drained?: string;
  /** Members whose nodes the goal names; the wanted ones by default. */
  readonly goal?: string;
  readonly led?: Partial<Led>;
  readonly rowTerm?: number;
  readonly isFounded?: boolean;
}

const TERM = 7;

function idOf(letter: string): MemberId {
  return (letter.toLowerCase().charCodeAt(0) - 96) as MemberId;
}

function idsOf(letters: string): MemberId[] {
  return [...letters].map(idOf);
}

function lettersOf(members: readonly MemberId[]): string {
  return members.map((member) => String.fromCharCode(96 + member)).join('');
}

function stepOf(given: Case): string {
  const { row, voters, learners = '', live = voters + learners } = given;
  const letters = [...row];
  const nodeOf = (letter: string) =>
    (letters.findIndex((l) => idOf(l) === idOf(letter)) + 1) as NodeId;
  const shardRow: ShardRow = {
    ...{ shard: 1 as ShardId, revision: 5, epoch: 1, from: 0, to: 2 ** 32, founder: idOf('a') },
    isFounded: given.isFounded ?? true,
    term: given.rowTerm ?? TERM,
    goal: [...(given.goal ?? row.replace(/[A-Z]/g, ''))].map(nodeOf),
    preferredNode: given.preferred === undefined ? (0 as NodeId) : nodeOf(given.preferred),
    members: letters.map((letter) => ({
      node: nodeOf(letter),
      member: idOf(letter),
      isWanted: letter === letter.toLowerCase(),
      isVoter: (given.reported ?? voters).includes(letter.toLowerCase()),
    })),
  };
  const step = nextConfigurationStep({
    row: shardRow,
    self: idOf('a'),
    term: TERM,
    configuration: { voters: idsOf(voters), outgoing: [], learners: idsOf(learners) },
    isSettled: true,
    isQuiet: false,
    followers: idsOf(voters + learners).map((member) => {
      const isLive = idsOf(live).includes(member);
      const isSlow = idsOf(given.slow ?? '').includes(member);
      return { member, isActive: isLive, isCaughtUp: isLive, isSlow };
    }),
    load: 'busy',
    isHandoverDue: true,
    drained: idsOf(given.drained ?? ''),
    ...given.led,
  });
  switch (step.type) {
    case 'wait':
      return 'wait';
    case 'report':
      return `report ${lettersOf(step.report.voters)}|${lettersOf(step.report.learners)}`;
    case 'change':
      return `change ${lettersOf(step.target.voters)}|${lettersOf(step.target.learners)}`;
    default:
      return `transfer ${lettersOf([step.to])}`;
  }
}

const TABLE: readonly (readonly [sentence: string, given: Case, step: string])[] = [
  ['all is as it should be', { row: 'abc', voters: 'abc' }, 'wait'],
  ['a wanted member becomes a learner first', { row: 'abc', voters: 'a' }, 'change a|bc'],
  [
    'a member votes only after it has caught up',
    { row: 'abc', voters: 'a', learners: 'bc', live: 'a' },
    'wait',
  ],
  ['all that caught up vote at once', { row: 'abc', voters: 'a', learners: 'bc' }, 'change abc|'],
  [
    'a dead one does not block the others',
    { row: 'abc', voters: 'a', learners: 'bc', live: 'b' },
    'change ab|c',
  ],
  ['a replacement learns first', { row: 'abCd', voters: 'abc' }, 'change abc|d'],
  [
    'no member is removed before its replacement is ready',
    { row: 'abCd', voters: 'abc', learners: 'd', live: 'abc' },
    'wait',
  ],
  [
    'the replacement votes when the other goes',
    { row: 'abCd', voters: 'abc', learners: 'd' },
    'change abd|',
  ],
  [
    'a dead voter is replaced by a live one',
    { row: 'abCd', voters: 'abc', learners: 'd', live: 'abd' },
    'change abd|',
  ],
  [
    'of two to go the dead one goes first',
    { row: 'aBCde', voters: 'abc', learners: 'de', live: 'abd' },
    'change adb|e',
  ],
  ['a shard shrinks onto voters that are alive', { row: 'aBc', voters: 'abc' }, 'change ac|'],
  ['it never shrinks onto one that is dead', { row: 'aBc', voters: 'abc', live: 'ab' }, 'wait'],
  [
    'it never shrinks onto dead voters, however many',
    { row: 'aBCde', voters: 'abcde', live: 'abc' },
    'wait',
  ],
  [
    'three never become one while two are missing',
    { row: 'aBCde', voters: 'abc' },
    'change abc|de',
  ],
  ['three become one when one is wanted', { row: 'aBC', voters: 'abc' }, 'change a|'],
  [
    'growth waits for a majority that is alive',
    { row: 'abcd', voters: 'abc', learners: 'd', live: 'ad' },
    'wait',
  ],
  ['a learner that is wanted no more goes', { row: 'aB', voters: 'a', learners: 'b' }, 'change a|'],
  ['a member that is not listed goes', { row: 'a', voters: 'a', learners: 'z' }, 'change a|'],
  [
    'a lost member makes room for the one that comes after it on its node',
    { row: 'abC', voters: 'abc', goal: 'abc' },
    'change ab|',
  ],
  [
    'of two lost members one goes and the other keeps its log',
    { row: 'aBC', voters: 'abc', goal: 'abc' },
    'change ac|',
  ],
  [
    'of two lost members the one that is dead goes',
    { row: 'aBC', voters: 'abc', goal: 'abc', live: 'ab' },
    'change ab|',
  ],
  [
    'no other member is removed while a place lacks its voter',
    { row: 'aCd', voters: 'ac', learners: 'd', live: 'ac', goal: 'acd' },
    'wait',
  ],
  [
    'the next lost member goes when the first has its successor',
    { row: 'aCd', voters: 'acd', goal: 'acd' },
    'change ad|',
  ],
  [
    'a lost member whose node is not in the goal stays until another node has its own',
    { row: 'abCd', voters: 'abc', learners: 'd', live: 'abc', goal: 'abd' },
    'wait',
  ],
  [
    'a lost member stays while the others are no majority without it',
    { row: 'abC', voters: 'abc', goal: 'abc', live: 'ac' },
    'wait',
  ],
  [
    'a lost member of five goes though another voter is dead',
    { row: 'abcdE', voters: 'abcde', goal: 'abcde', live: 'abce' },
    'change abcd|',
  ],
  [
    'of two voters the lost one goes: the other can be elected alone',
    { row: 'aB', voters: 'ab', goal: 'ab' },
    'change a|',
  ],
  [
    'a wanted voter that is dead does not stand in for a lost one that has its log',
    { row: 'abC', voters: 'abc', goal: 'abc', live: 'ac' },
    'wait',
  ],
  ['a leader that is to go hands over', { row: 'Abc', voters: 'abc' }, 'transfer b'],
  [
    'it hands over to the preferred one',
    { row: 'Abc', voters: 'abc', preferred: 'c' },
    'transfer c',
  ],
  ['it stays while its vote is needed', { row: 'Abc', voters: 'abc', live: 'c' }, 'wait'],
  ['it stays until another member votes', { row: 'Ab', voters: 'a', learners: 'b' }, 'change ba|'],
  ['it does not hurry to go', { row: 'Abc', voters: 'abc', led: { isHandoverDue: false } }, 'wait'],
  ['a first report founds the shard', { row: 'a', voters: 'a', isFounded: false }, 'report a|'],
  ['a new voter is reported', { row: 'ab', voters: 'ab', reported: 'a' }, 'report ab|'],
  ['one that is gone is reported', { row: 'aB', voters: 'a' }, 'report a|'],
  ['a new leader reports before it changes', { row: 'ab', voters: 'a', rowTerm: 6 }, 'report a|'],
  [
    'a new leader with nothing to change says nothing',
    { row: 'a', voters: 'a', rowTerm: 6 },
    'wait',
  ],
  ['a leader that was followed by another waits', { row: 'ab', voters: 'a', rowTerm: 8 }, 'wait'],
  [
    'nothing is done before it is settled',
    { row: 'ab', voters: 'a', led: { isSettled: false } },
    'wait',
  ],
  ['a preferred voter gets the lead', { row: 'abc', voters: 'abc', preferred: 'b' }, 'transfer b'],
  ['a preferred leader keeps it', { row: 'abc', voters: 'abc', preferred: 'a' }, 'wait'],
  [
    'a preferred one that is dead does not',
    { row: 'abc', voters: 'abc', preferred: 'b', live: 'c' },
    'wait',
  ],
  [
    'a drained leader gives the lead to any other',
    { row: 'abc', voters: 'abc', drained: 'a' },
    'transfer b',
  ],
  [
    'it gives it to none that is drained too, or dead',
    { row: 'abcd', voters: 'abcd', drained: 'ab', live: 'abd' },
    'transfer d',
  ],
  [
    'it gives it to the preferred one first',
    { row: 'abc', voters: 'abc', drained: 'a', preferred: 'c' },
    'transfer c',
  ],
  ['where all are drained it stays', { row: 'abc', voters: 'abc', drained: 'abc' }, 'wait'],
  [
    'a preferred one that is drained does not',
    { row: 'abc', voters: 'abc', drained: 'b', preferred: 'b' },
    'wait',
  ],
  [
    'a preferred one that is slow does not',
    { row: 'abc', voters: 'abc', preferred: 'b', slow: 'b' },
    'wait',
  ],
  [
    'a preferred learner does not',
    { row: 'ab', voters: 'a', learners: 'b', live: 'a', preferred: 'b' },
    'wait',
  ],
  [
    'a preferred one on its way out does not',
    { row: 'aBcd', voters: 'abc', learners: 'd', live: 'abc', preferred: 'b' },
    'wait',
  ],
  [
    'the lead does not change hands too often',
    {
      row: 'abc',
      voters: 'abc',
      preferred: 'b',
      led: { isHandoverDue: false },
    },
    'wait',
  ],
  [
    'in a silent shard every member is up to date',
    { row: 'abc', voters: 'a', learners: 'bc', live: '', led: { isQuiet: true } },
    'change abc|',
  ],
];

for (const [sentence, given, step] of TABLE) {
  test(sentence, () => assert.equal(stepOf(given), step));
}

test('while two sets of voters decide together, nothing is added to it', () => {
  const configuration = { voters: idsOf('ab'), outgoing: idsOf('a'), learners: [] };
  assert.equal(stepOf({ row: 'abc', voters: 'ab', led: { configuration } }), 'wait');
});
