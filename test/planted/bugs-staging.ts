/** Planted bugs in parallel commit: what staged transactions rely on. */

import type { Bug, Planted } from './bug.ts';

const MACHINE = 'src/machine/transactions.ts';
const OUTCOME = 'src/machine/outcome.ts';
const COORDINATOR = 'src/txn/coordinator.ts';
const PLAN = 'src/txn/plan.ts';
const COORDINATORS = 'src/node/coordinators.ts';

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [MACHINE]: 'staged',
  [COORDINATOR]: 'scenario',
  [PLAN]: 'scenario',
  [COORDINATORS]: 'staged-transactions',
};

const STAGING: readonly Planted[] = [
  {
    name: 'a-staged-transaction-is-aborted-at-will',
    sentence: 'the home shard aborts a transaction that may be committed by its parts',
    file: MACHINE,
    find: "if (proposal.type === 'abort') return refused('staged');",
    replace: '',
    isFast: true,
  },
  {
    name: 'a-staged-transaction-ends-like-any-other',
    sentence: 'its deadline, an epoch or an acknowledgement ends what its parts have committed',
    file: MACHINE,
    find: 'if (staged?.isStaged) return this.#decideStaged(decide, staged, moment);',
    replace: '',
  },
  {
    name: 'a-prevention-is-not-remembered',
    sentence: 'a part is prepared after it was said that it never will be',
    file: MACHINE,
    find: 'if (!record.isAcknowledged && remembered === undefined)',
    replace: 'if (false)',
    isFast: true,
  },
  {
    name: 'a-ready-part-is-prevented',
    sentence: 'a participant that answered `done` says that its part never will be ready',
    file: MACHINE,
    find: `if (prepared !== undefined) {
      // A client`,
    replace: `if (false) {
      // A client`,
  },
  {
    name: 'a-staged-part-is-resolved',
    sentence: 'a staged part ends without a decision of its shard',
    file: MACHINE,
    find: 'if (prepared?.isStaged) {',
    replace: 'if (false) {',
  },
  {
    name: 'a-staged-commit-without-room',
    sentence: 'decisions take the room of transactions that are committed already',
    file: MACHINE,
    find: 'this.decisions.size + this.lockTable.staged < TRANSACTION_LIMITS.slotsMax',
    replace: 'this.decisions.size < TRANSACTION_LIMITS.slotsMax',
  },
  {
    name: 'aborts-take-the-room-of-staged-commits',
    sentence: 'aborts are kept where staged transactions need the room for their decisions',
    file: MACHINE,
    find: '|| !this.#mayDecide;',
    replace: ';',
  },
  {
    name: 'another-shard-prevents',
    sentence: 'a shard that does not own the keys of a part says that it never will be ready',
    file: MACHINE,
    find: 'position < arc.from || position >= arc.to',
    replace: 'false',
  },
  {
    name: 'silent-shards-answer',
    sentence: 'each transaction over a shard without a majority keeps its other keys locked',
    file: 'src/txn/step-times.ts',
    find: 'this.#silent.add(shard);',
    replace: '',
    tests: ['step-times'],
  },
  {
    name: 'staged-over-silent-shards',
    sentence: 'a transaction is staged though a participant has not answered for long',
    file: 'src/node/transaction-service.ts',
    find: 'planOf(transaction, { mayStage })',
    replace: 'planOf(transaction, { mayStage: true })',
    tests: ['transaction-service'],
  },
  {
    name: 'preventions-without-backoff',
    sentence: 'thousands of stuck transactions keep a node busy with their questions',
    file: COORDINATOR,
    find: "this.#stage === 'preventing'; const grown",
    replace: 'false; const grown',
    tests: ['scenario'],
  },
  {
    name: 'an-unsure-reply-prevents',
    sentence: 'a reply that leaves open whether a part can become ready is taken for a no',
    file: OUTCOME,
    find: "['malformed', 'window-full', 'wrong-epoch']",
    replace: '[]',
    tests: ['staged'],
  },
  {
    name: 'staged-is-aborted-for-its-holders',
    sentence: 'a participant drops its part while the home shard does not know the outcome',
    file: OUTCOME,
    find: "['window-full', 'malformed', 'staged']",
    replace: "['window-full', 'malformed']",
    tests: ['outcome'],
  },
  {
    name: 'resolved-before-the-decision',
    sentence: 'participants apply a staged transaction before its home shard has recorded it',
    file: COORDINATOR,
    find: 'this.#recordCommit(reply);',
    replace: "this.#end({ type: 'decided', reply });",
    isFast: true,
  },
  {
    name: 'staged-whatever-its-deadlines',
    sentence: 'a part is staged while another one cannot be prepared for hours, nor be prevented',
    file: PLAN,
    find: 'Math.max(...deadlines) - Math.min(...deadlines) > stagedSpreadMilliseconds',
    replace: 'false',
    tests: ['plan'],
  },
  {
    name: 'late-validation-of-a-staged-transaction',
    sentence: 'a transaction is staged though a check of it locks nothing',
    file: PLAN,
    find: 'mayStage && unguarded.length === 0 && canBeStaged(locking)',
    replace: 'mayStage && canBeStaged(locking)',
  },
  {
    name: 'giving-way-counts-as-prevented',
    sentence: 'a participant that only met a lock is taken for one that never will be ready',
    file: COORDINATOR,
    find: "return this.#abort({ type: 'refused', reason: 'gave-way', position });",
    replace: `const isPrevented = true;
      return this.#abort({ type: 'refused', reason: 'gave-way', position }, { isPrevented });`,
  },
  {
    name: 'a-precheck-counts-as-prevented',
    sentence: 'a check that fails at a leader is taken for a part that never will be ready',
    file: COORDINATOR,
    find: 'return this.#abort(refusal);',
    replace: 'return this.#abort(refusal, { isPrevented: true });',
  },
  {
    name: 'shards-learn-before-the-record',
    sentence: 'a shard that asks gets the commit of a staged transaction before it is recorded',
    file: COORDINATORS,
    find: 'for (const requester of waiting.splice(0)) this.#tell(requester, reply);',
    replace: `const all = [...waiting.splice(0), ...(this.#conducted.get(name)?.settling ?? [])];
        for (const requester of all) this.#tell(requester, reply);`,
  },
  {
    name: 'questions-without-bound',
    sentence: 'questions about a transaction gather for as long as a participant is away',
    file: COORDINATORS,
    find: 'if (settling.length <= TRANSACTION_LIMITS.settlingMax) return;',
    replace: 'return;',
  },
  {
    name: 'a-staged-transaction-is-not-recovered',
    sentence: 'a new leader leaves staged transactions to their clients',
    file: COORDINATORS,
    find: 'if (staged?.isStaged !== true || map === undefined) return false;',
    replace: 'return false;',
  },
];

export const STAGING_BUGS: readonly Bug[] = STAGING.map(({ isFast, ...bug }) => {
  const tests = bug.tests ?? [NOTICED[bug.file] ?? ''];
  return { ...bug, profiles: [], tests, isFast: isFast ?? false };
});
