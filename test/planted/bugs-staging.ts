/** Planted bugs in parallel commit: what staged transactions rely on. */

import type { Bug, Planted } from './bug.ts';

const MACHINE = 'src/machine/transactions.ts';
const OUTCOME = 'src/machine/outcome.ts';
const COORDINATOR = 'src/txn/coordinator.ts';
const PLAN = 'src/txn/plan.ts';
const READING = 'src/shard/reading.ts';
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
    find: "['window-full', 'malformed', 'staged', 'entry-full']",
    replace: "['window-full', 'malformed', 'entry-full']",
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
    find: 'for (const requester of conducted.waiting.splice(0)) this.#tell(requester, reply);',
    replace: `const all = [...conducted.waiting.splice(0), ...conducted.settling];
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

/** Commits that are recorded later, with others; reads that are served before. */
const DEFERRING: readonly Planted[] = [
  {
    name: 'served-before-the-decision',
    sentence: 'a read is served what a transaction leaves whose abort is on its way',
    file: READING,
    find: 'if (!end.isCommitted) return store.get(shard, SECTION.values, key) ?? NO_BYTES;',
    replace: '',
    tests: ['decided-reads'],
    isFast: true,
  },
  {
    name: 'a-proposed-decision-is-known',
    sentence: 'a read is served what a commit leaves that is proposed only, and may be refused',
    file: 'src/shard/proposal.ts',
    find: "case 'conclude': return decodeConclusion(body.bytes);",
    replace: `case 'conclude': return decodeConclusion(body.bytes);
    case 'decide': return { ...NO_CONCLUSION, commits: [body.bytes] };`,
    tests: ['decided-reads'],
  },
  {
    name: 'an-early-read-of-many-sees-the-decision',
    sentence: 'a read shows a transaction, and not what other keys became before it took effect',
    file: READING,
    find: 'read.what.keys.length === 1 || end.number <= known',
    replace: 'true',
    tests: ['decided-reads'],
  },
  {
    name: 'an-expiry-is-told-before-its-time',
    sentence: 'a read shows an expiry that its row never has',
    file: MACHINE,
    find: 'if (!operations.every(isTimeless)) return undefined;',
    replace: '',
    tests: ['conclude'],
  },
  {
    name: 'a-full-conclusion-commits',
    sentence: 'an entry commits more than its replicas may do in one entry',
    file: MACHINE,
    find: "if (work.bytes > 0 && !work.allows(costs)) return refused('entry-full');",
    replace: '',
    tests: ['conclude'],
  },
  {
    name: 'a-full-entry-aborts',
    sentence: 'a commit that an entry had no room for is taken for decided',
    file: OUTCOME,
    find: "['window-full', 'malformed', 'staged', 'entry-full']",
    replace: "['window-full', 'malformed', 'staged']",
    tests: ['outcome'],
    isFast: true,
  },
  {
    name: 'a-conclusion-aborts',
    sentence: 'an entry that is shared carries decisions that may be refused',
    file: 'src/machine/machine.ts',
    find: "decide?.proposal.type === 'commit' && decide.proposal.operations.length === 0;",
    replace: 'decide !== undefined;',
    tests: ['step-bytes'],
  },
  {
    name: 'commits-are-never-hurried',
    sentence: 'a shard that asks for a committed transaction waits for its deferred record',
    file: COORDINATORS,
    find: 'this.replica.releaseEndOf(contender); // A queued',
    replace: '// A queued',
  },
  {
    name: 'a-contested-commit-is-deferred',
    sentence: 'a transaction that others wait for keeps its keys until the next deferred entry',
    file: COORDINATORS,
    find: 'if (this.#hasHurry(name, plan)) this.replica.releaseEndOf(contender);',
    replace: '',
  },
  {
    name: 'queued-behind-a-deferred-commit',
    sentence: 'a transaction queues behind one that is committed, until that is recorded',
    file: COORDINATORS,
    find: "if (coordinator.stage === 'waiting') this.replica.proposeDeferred();",
    replace: '',
  },
  {
    name: 'a-committed-client-waits-for-the-record',
    sentence: 'a client that asks again for a committed transaction waits for its deferred record',
    file: COORDINATORS,
    find: 'if (known?.committed !== undefined) return this.#tell(requester, known.committed);',
    replace: '',
  },
  {
    name: 'deferred-while-leadership-goes',
    sentence: 'a leader hands over, and leaves its deferred commits to the recovery',
    file: 'src/shard/replica.ts',
    find: "if (event.type === 'transfer') this.#proposing.hurryDeferred();",
    replace: '',
    tests: ['decided-reads'],
  },
  {
    name: 'contested-for-ever',
    sentence: 'parts that were contested once are never deferred again, and fill the memory',
    file: 'src/txn/contested-parts.ts',
    find: 'if (end > now && this.#until.size <= TRANSACTION_LIMITS.contestedMax) break;',
    replace: 'break;',
    tests: ['contested-parts'],
  },
];

export const STAGING_BUGS: readonly Bug[] = [...STAGING, ...DEFERRING].map(({ isFast, ...bug }) => {
  const tests = bug.tests ?? [NOTICED[bug.file] ?? ''];
  return { ...bug, profiles: [], tests, isFast: isFast ?? false };
});
