/** Planted bugs where many want the same: who waits before it begins, and what is refused early. */

import type { Bug, Planted } from './bug.ts';

const LINE = 'src/txn/contention-queue.ts';
const COORDINATOR = 'src/txn/coordinator.ts';
const PRECHECK = 'src/machine/precheck.ts';
const COORDINATORS = 'src/node/coordinators.ts';
const REPLICA = 'src/shard/replica-state.ts';

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [LINE]: 'contention-queue',
  [COORDINATOR]: 'scenario',
  [PRECHECK]: 'precheck',
  [COORDINATORS]: 'coordinators',
  [REPLICA]: 'replica',
};

const PRECHECKING: readonly Planted[] = [
  {
    name: 'prechecked-before-it-is-current',
    sentence: 'a new leader prechecks before it has applied what others acknowledged',
    file: COORDINATORS,
    find: 'const isKnown = isCurrent && !hasUnapplied',
    replace: 'const isKnown = !hasUnapplied',
    isFast: true,
  },
  {
    name: 'prechecked-behind-the-commit',
    sentence: 'a leader with a slow disk prechecks on a state older than others have shown',
    file: COORDINATORS,
    find: 'const isKnown = isCurrent && !hasUnapplied',
    replace: 'const isKnown = isCurrent',
  },
  {
    name: 'prechecked-in-any-epoch',
    sentence: 'a precheck uses keys outside of the present arc',
    file: COORDINATORS,
    find: ' && epoch === this.#machine.epoch',
    replace: '',
  },
  {
    name: 'current-as-soon-as-it-leads',
    sentence: 'a leader counts as current before an entry of its own term is applied',
    file: REPLICA,
    find: 'return this.isLeader && this.appliedTerm === this.raft.term;',
    replace: 'return this.isLeader;',
  },
  {
    name: 'precheck-under-a-lock',
    sentence: 'a precheck uses the value under a lock, though clients may have seen the new one',
    file: PRECHECK,
    find: `if (lockTable.holderOf(key) !== undefined)
            continue;`,
    replace: '',
    isFast: true,
  },
  {
    name: 'prechecked-is-told-and-not-decided',
    sentence: 'a committed transaction is refused when it is requested again',
    file: COORDINATOR,
    find: 'return this.#abort(refusal);',
    replace: "return this.#end({ type: 'decided', reply: refusal });",
  },
  {
    name: 'a-commit-without-participants',
    sentence: 'a decision lists the home shard alone, and is cleared before others learn it',
    file: COORDINATOR,
    find: 'this.#hasAsked = true; this.#since = this.#port.now;',
    replace: 'this.#since = this.#port.now;',
  },
  {
    name: 'participants-that-were-not-asked-are-named',
    sentence: 'a decision is kept for shards that have nothing to apply',
    file: COORDINATOR,
    find: 'this.#hasAsked ? all : all.slice(0, 1)',
    replace: 'all',
  },
  {
    name: 'late-and-begun',
    sentence: 'a transaction whose deadline has passed in the queue still asks participants',
    file: COORDINATORS,
    find: 'if (home.deadline < this.replica.logTime)',
    replace: 'if (false)',
  },
];

const WAITING: readonly Planted[] = [
  {
    name: 'begun-though-it-is-over',
    sentence: 'a transaction that was ended in the queue is started and sends prepares',
    file: COORDINATOR,
    find: `if (this.#stage !== 'waiting')
            return;`,
    replace: '',
  },
  {
    name: 'met-and-left-in-line',
    sentence: 'locks of a former coordinator stay until the queue has moved',
    file: COORDINATORS,
    find: 'if (isPreempting || isWaiting)',
    replace: 'if (isPreempting)',
  },
  {
    name: 'decided-and-in-line',
    sentence: 'a repeated request for a decided transaction waits in the queue',
    file: COORDINATORS,
    find: 'isDecided ? NO_CHECKS : contested(home.operations)',
    replace: 'contested(home.operations)',
  },
  {
    name: 'too-late-to-tell',
    sentence: 'a transaction waits until its client has given up, and the outcome stays unknown',
    file: COORDINATOR,
    find: 'if (isLate || millisecondsLeft < queueReserveMilliseconds)',
    replace: 'if (isLate)',
  },
  {
    name: 'no-transaction-is-next',
    sentence: 'a transaction that ends starts no queued one, and the queue waits for ever',
    file: LINE,
    find: `for (const key of freed)
            this.#proceed(key, how);`,
    replace: '',
    isFast: true,
  },
  {
    name: 'the-youngest-is-next',
    sentence: 'the oldest transaction is overtaken by all later ones',
    file: LINE,
    find: 'hasPriority(one.contender, contender)',
    replace: 'hasPriority(contender, one.contender)',
  },
  {
    name: 'a-place-for-an-ended-transaction',
    sentence: 'a transaction that ended in the queue is still started, and keeps its keys for ever',
    file: LINE,
    find: `if (this.#places.has(one))
            this.#forget(one);`,
    replace: `if (this.#places.has(one))
            return;`,
  },
  {
    name: 'one-key-of-several',
    sentence: 'a transaction with several keys takes one, and others take the rest',
    file: LINE,
    find: 'const taken = one.keys.find((key) => this.#heads.has(key));',
    replace: 'const taken = one.keys.slice(0, 1).find((key) => this.#heads.has(key));',
  },
  {
    name: 'the-hopeless-are-not-seen',
    sentence: 'a transaction that cannot commit any more keeps others from beginning',
    file: LINE,
    find: 'const lost = one.keys.find((key) => one.isHopeless(key));',
    replace: 'const lost = undefined;',
  },
  {
    name: 'a-crowd-is-not-let-go',
    sentence: 'a transaction that cannot commit any more waits until its time is over',
    file: LINE,
    find: 'if (lost === undefined)',
    replace: 'if (true)',
  },
  {
    name: 'no-key-is-kept-for-the-released',
    sentence: 'the first to arrive wins, and the oldest retries again and again in vain',
    file: LINE,
    find: `if (isOver)
            this.#queueAt(key).expected = lost.contender;`,
    replace: '',
  },
  {
    name: 'waited-for-for-ever',
    sentence: 'a client that is gone keeps all younger ones from beginning',
    file: LINE,
    find: 'queue.expected = undefined;\n            this.#drop(key);\n            if',
    replace: 'if',
  },
  {
    name: 'any-transaction-of-the-client-is-back',
    sentence: 'any other transaction of a client counts as the retry',
    file: LINE,
    find: 'age !== contender.age || ',
    replace: '',
  },
  {
    name: 'a-head-that-never-gives-way',
    sentence: 'a transaction that waits for a lost shard keeps its keys from all others',
    file: LINE,
    find: 'if (ticks > 1)',
    replace: 'if (true)',
  },
  {
    name: 'the-line-has-no-bound',
    sentence: 'any number of transactions queues for one key',
    file: LINE,
    find: 'length >= TRANSACTION_LIMITS.queueLengthMax || ',
    replace: '',
  },
  {
    name: 'the-line-weighs-nothing',
    sentence: 'queued transactions take any amount of memory',
    file: LINE,
    find: ' || !hasBytes',
    replace: '',
  },
  {
    name: 'all-are-looked-at',
    sentence: 'a turn takes time proportional to the length of the queue',
    file: LINE,
    find: 'looks > 0 && ',
    replace: '',
  },
];

export const CONTENTION_BUGS: readonly Bug[] = [...PRECHECKING, ...WAITING].map(
  ({ isFast, ...bug }) => {
    return { ...bug, profiles: [], tests: [NOTICED[bug.file] ?? ''], isFast: isFast ?? false };
  },
);
