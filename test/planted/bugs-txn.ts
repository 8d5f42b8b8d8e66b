/** Planted bugs in transactions over several shards: order, conflicts, recovery, what is held. */

import type { Bug, Planted } from './bug.ts';

const TRANSACTION_ID = 'src/machine/transaction-id.ts';
const CONFLICT_POLICY = 'src/txn/conflict-policy.ts';
const TRANSACT_ERRAND = 'src/client/core/transact-request.ts';
const COORDINATOR = 'src/txn/coordinator.ts';
const PLAN = 'src/txn/plan.ts';
const PHASE_TWO = 'src/txn/decision-broadcast.ts';
const MEETINGS = 'src/txn/lock-resolver.ts';
const OUTCOME = 'src/machine/outcome.ts';
const PROPOSAL_QUEUE = 'src/shard/proposal-queue.ts';
const MERGED = 'src/shard/merged-conclusions.ts';
const WAITERS = 'src/shard/lock-waiters.ts';
const HELD_READS = 'src/shard/blocked-reads.ts';
const READING = 'src/shard/reading.ts';
const READ_SERVER = 'src/shard/read-server.ts';
const CHECK_READ = 'src/shard/check-read.ts';
const RANGE_READ = 'src/shard/range-read.ts';
const COORDINATORS = 'src/node/coordinators.ts';
const TRANSACTION_SERVICE = 'src/node/transaction-service.ts';

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [TRANSACTION_ID]: 'step-bytes',
  [CONFLICT_POLICY]: 'conflict-policy',
  [TRANSACT_ERRAND]: 'transact-rules',
  [COORDINATOR]: 'scenario',
  [PLAN]: 'scenario',
  [PHASE_TWO]: 'scenario',
  [MEETINGS]: 'scenario',
  [OUTCOME]: 'outcome',
  [PROPOSAL_QUEUE]: 'proposal-queue',
  [MERGED]: 'merged-conclusions',
  [WAITERS]: 'proposal-queue',
  [HELD_READS]: 'blocked-reads',
  [READING]: 'blocked-reads',
  [READ_SERVER]: 'blocked-reads',
  [CHECK_READ]: 'range-check',
  [RANGE_READ]: 'range-read',
  [COORDINATORS]: 'coordinators',
  [TRANSACTION_SERVICE]: 'transaction-service',
};

const CONDUCTING: readonly Planted[] = [
  {
    name: 'commit-before-all-are-prepared',
    sentence: 'the first part that is ready counts for all',
    file: COORDINATOR,
    find: 'if (this.#stage === stage && this.#left === 0)',
    replace: 'if (this.#stage === stage)',
    isFast: true,
  },
  {
    name: 'validation-before-the-locks',
    sentence: 'the home shard is not prepared although something has to be validated',
    file: PLAN,
    find: 'isHomeLast: !hasLateChecks && !isStaged,',
    replace: 'isHomeLast: true,',
  },
  {
    name: 'ranges-are-not-validated',
    sentence: 'range checks are not validated',
    file: PLAN,
    find: '({ shard, checks }) => shard !== first.shard || checks.some(isRange)',
    replace: '({ shard }) => shard !== first.shard',
  },
  {
    name: 'a-key-beside-a-lock-is-guarded',
    sentence: 'a check counts as locked because the part locks another key',
    file: PLAN,
    find: 'locked.has(operation.key)',
    replace: 'locked.count > 0',
  },
  {
    name: 'commit-despite-a-validation',
    sentence: 'the answer of a validation is counted and not read',
    file: COORDINATOR,
    find: "if (reply.type !== 'done') this.#refuse(reply, to, to.places);",
    replace: '',
    isFast: true,
  },
  {
    name: 'the-place-among-all-is-lost',
    sentence: 'a failed check is reported by its position in its own part',
    file: COORDINATOR,
    find: 'const position = offset + (places?.[reply.position] ?? reply.position);',
    replace: 'const position = places?.[reply.position] ?? reply.position;',
  },
  {
    name: 'place-among-validations-is-told',
    sentence: 'a failed validation is reported by its position among the validated checks',
    file: COORDINATOR,
    find: 'places?.[reply.position] ?? reply.position',
    replace: 'reply.position',
  },
  {
    name: 'a-transaction-presses-on',
    sentence: 'a request with priority waits for ever for a holder that waits itself',
    file: COORDINATOR,
    find: 'if (!UNDECIDED.includes(this.#stage)) return;',
    replace: "if (this.#stage !== 'validating') return;",
  },
  {
    name: 'pressed-out-of-a-decision',
    sentence: 'an abort is proposed after every commit that a request waits for',
    file: COORDINATOR,
    find: 'if (!UNDECIDED.includes(this.#stage)) return;',
    replace: "if (this.#stage === 'over') return;",
  },
  {
    name: 'a-refused-commit-is-an-end',
    sentence: 'a refusal to decide is reported as a decision',
    file: COORDINATOR,
    find: "if (reply.type === 'committed' || reply.type === 'check-failed')",
    replace: 'if (true)',
  },
  {
    name: 'prepared-for-as-long-as-it-takes',
    sentence: 'a shard that cannot be reached keeps the keys of all others locked',
    file: COORDINATOR,
    find: 'const isLate = now - this.#since >= this.#port.prepareMilliseconds;',
    replace: 'const isLate = false;',
  },
  {
    name: 'a-late-answer-counts',
    sentence: 'an answer to a request of an earlier stage counts for the next one',
    file: COORDINATOR,
    find: "if (!this.#questions.includes(question) || question.state !== 'asked')",
    replace: "if (question.state !== 'asked')",
  },
  {
    name: 'told-before-it-is-decided',
    sentence: 'the client learns of a commit that is only proposed',
    file: COORDINATORS,
    find: 'this.#queue.enter(queued);',
    replace: `this.#queue.enter(queued);
      this.#tell(requester, { type: 'committed', versions: [1, 1], outputs: [] });`,
  },
  {
    name: 'conducted-twice',
    sentence: 'a repeated request starts the transaction again beside the first run',
    file: COORDINATORS,
    find: 'known.waiting.push(requester); return;',
    replace: 'known.waiting.push(requester);',
  },
  {
    name: 'decided-in-the-epoch-of-the-map',
    sentence: 'the home shard does its part in whatever arc it has by now',
    file: COORDINATORS,
    find: 'const { epoch, deadline } = homeOf(plan);',
    replace: 'const { epoch } = this.#machine, { deadline } = homeOf(plan);',
  },
  {
    name: 'no-reason-is-final',
    sentence: 'a permanent refusal of a node is retried until the time is over',
    file: COORDINATORS,
    find: "const isFinal = effectOf(failure) === 'notApplied' && FINAL.includes(failure);",
    replace: 'const isFinal = false;',
  },
];

const TELLING: readonly Planted[] = [
  {
    name: 'resolved-before-it-is-decided',
    sentence: 'the participants learn of a commit that is only proposed',
    file: COORDINATORS,
    find: 'this.#queue.enter(queued);',
    replace: `this.#queue.enter(queued);
      const { participants } = plan;
      this.#broadcast.tell({ ...plan.contender, participants, isCommitted: true }, true);`,
  },
  {
    name: 'cleared-when-one-has-heard',
    sentence: 'a decision is cleared though a participant has not acknowledged it',
    file: PHASE_TWO,
    find: 'if (telling.left.size > 0) return;',
    replace: '',
    isFast: true,
  },
  {
    name: 'what-was-not-heard-is-forgotten',
    sentence: 'a participant that could not be reached gets the decision only once',
    file: PHASE_TWO,
    find: 'if (heard === 0) return this.#rest(words);',
    replace: 'if (heard === 0) return;',
  },
  {
    name: 'lost-is-heard',
    sentence: 'a message that may have been lost counts as acknowledged',
    file: PHASE_TWO,
    find: 'if (heard === 0) return this.#rest(words);',
    replace: 'if (heard === 0) heard = words.length;',
  },
  {
    name: 'cut-resolution-is-heard',
    sentence: 'transactions that an entry had no room to resolve count as acknowledged',
    file: PHASE_TWO,
    find: 'this.#gathered.push(...words.slice(heard));',
    replace: 'for (const word of words.slice(heard)) this.#hear(word);',
  },
  {
    name: 'decisions-are-not-swept',
    sentence: 'the decisions of a former leader are not sent to the participants',
    file: COORDINATORS,
    find: `for (const decision of this.#machine.decisions.all())
      this.#broadcast.tell(decision, true);`,
    replace: '',
  },
  {
    name: 'orphans-are-not-swept',
    sentence: 'a part whose locks no request meets stays prepared for ever',
    file: TRANSACTION_SERVICE,
    find: 'if (age >= TRANSACTION_LIMITS.orphanMilliseconds)',
    replace: 'if (false)',
  },
  {
    name: 'holders-are-not-asked-for',
    sentence: 'a request that waits for a lock waits until the coordinator comes back',
    file: MEETINGS,
    find: 'else if (conflict.askAt <= now) this.#ask(conflict);',
    replace: '',
  },
  {
    name: 'asked-once',
    sentence: 'an unanswered question to a home shard is not repeated',
    file: MEETINGS,
    find: 'conflict.askAt = this.#port.now + this.#port.resolveMilliseconds;',
    replace: 'conflict.askAt = Number.POSITIVE_INFINITY;',
  },
  {
    name: 'undecided-is-aborted',
    sentence: 'a participant takes it for an abort if the home shard had no room to decide',
    file: OUTCOME,
    find: "['window-full', 'malformed', 'staged', 'entry-full']",
    replace: "['staged', 'entry-full']",
    isFast: true,
  },
  {
    name: 'who-asks-vouches-for-all',
    sentence: 'participants get an outcome that was not decided, on the word of the requester',
    file: COORDINATORS,
    find: 'if (kept !== undefined) this.#broadcast.tell(kept, true);',
    replace:
      'this.#broadcast.tell(kept ?? { ...contender, participants, isCommitted: false }, true);',
  },
];

const RESOLVING: readonly Planted[] = [
  {
    name: 'the-younger-one-waits',
    sentence: 'a transaction that holds locks waits for an older one: they deadlock',
    file: PROPOSAL_QUEUE,
    find: "if (decision === 'yield')",
    replace: 'if (false)',
  },
  {
    name: 'the-older-one-gives-way',
    sentence: 'ages are compared the wrong way round, so a retried transaction never wins',
    file: CONFLICT_POLICY,
    find: "hasPriority(requester, holder) ? 'preempt' : 'yield'",
    replace: "hasPriority(requester, holder) ? 'yield' : 'preempt'",
  },
  {
    name: 'age-before-attempts',
    sentence: 'the clocks of two home shards decide priority, and the later one always loses',
    file: CONFLICT_POLICY,
    find: `if (level !== otherLevel)
        return level > otherLevel;`,
    replace: '',
  },
  {
    name: 'attempts-are-not-counted',
    sentence: 'a transaction that yielded retries with the same priority as before',
    file: TRANSACT_ERRAND,
    find: 'this.#options.priority.attempts += 1;',
    replace: '',
  },
  {
    name: 'any-number-of-attempts',
    sentence: 'a client that claims enough attempts wins every lock',
    file: TRANSACTION_ID,
    find: 'Math.min(attempts, TRANSACTION_LIMITS.attemptsMax)',
    replace: 'attempts',
  },
  {
    name: 'no-holder-is-preempted',
    sentence: 'the older one waits, and the younger one is not preempted',
    file: 'src/shard/proposal-queue.ts',
    find: "conflicts.push({ holder, isPreempting: decision === 'preempt' });",
    replace: 'conflicts.push({ holder, isPreempting: false });',
  },
  {
    name: 'its-own-lock-is-in-its-way',
    sentence: 'a repeated prepare waits for itself',
    file: PROPOSAL_QUEUE,
    find: 'if (contender !== undefined && isSameId(holder.id, contender.id)) continue;',
    replace: '',
  },
  {
    name: 'first-come-first-served',
    sentence: 'a released lock goes to the longest waiter, whatever its priority',
    file: WAITERS,
    find: 'return taken.sort(rankOf);',
    replace: 'return taken;',
  },
  {
    name: 'waiters-keep-out-who-frees-them',
    sentence: 'waiting requests take the room of the entry that releases their lock',
    file: PROPOSAL_QUEUE,
    find: 'this.#gathered = []; this.#bytes = 0; const isHeld =',
    replace: 'this.#gathered = []; const isHeld =',
  },
  {
    name: 'read-under-a-lock',
    sentence: 'a read returns a locked key, which may have changed elsewhere already',
    file: READ_SERVER,
    find: 'this.#options.onHeld(read, holder, false); return bytes + rows.length * keyCost;',
    replace: '',
  },
  {
    name: 'held-reads-are-not-woken',
    sentence: 'a read that waits for a lock is not retried when the lock is released',
    file: READING,
    find: "this.#serve(freed === 'all' ? this.#blocked.takeAll() : this.#blocked.takeOf(freed));",
    replace: '',
  },
  {
    name: 'all-reads-are-woken',
    sentence: 'every waiting read of the shard is retried whenever any key is released',
    file: READING,
    find: "freed === 'all' ? this.#blocked.takeAll() : this.#blocked.takeOf(freed)",
    replace: 'this.#blocked.takeAll()',
  },
  {
    name: 'a-late-read-stays',
    sentence: 'a read that has expired is served when its holder ends',
    file: HELD_READS,
    find: 'others?.delete(held);',
    replace: '',
  },
  {
    name: 'all-commands-are-woken',
    sentence: 'every waiting command of the shard is retried whenever any key is released',
    file: PROPOSAL_QUEUE,
    find: "if (freed === 'all')",
    replace: 'if (true)',
  },
  {
    name: 'a-batch-waits-for-one-holder',
    sentence: 'a batch that could continue waits for the holder of its first key',
    file: PROPOSAL_QUEUE,
    find: 'holders.add(obstacle.holder);',
    replace: 'if (holders.size === 0) holders.add(obstacle.holder);',
  },
  {
    name: 'waiters-keep-their-room',
    sentence: 'the bytes of commands that continued still count as waiting',
    file: WAITERS,
    find: 'this.#bytes -= entered.proposal.bytes;',
    replace: '',
  },
  {
    name: 'a-late-command-stays',
    sentence: 'a command that has expired is proposed when its holder ends',
    file: WAITERS,
    find: `for (const entered of late)
            this.#remove(entered);`,
    replace: '',
  },
  {
    name: 'a-page-over-a-held-key',
    sentence: 'a range is read past a key that a transaction holds',
    file: RANGE_READ,
    find: 'this.#isStopped ||= this.#isBehindLock(row.key);',
    replace: '',
  },
  {
    name: 'a-range-ends-before-a-held-key',
    sentence: 'a locked key without a row is taken for missing at the end of a range',
    file: RANGE_READ,
    find: 'this.#answer(isAtEnd && this.#lock === undefined);',
    replace: 'this.#answer(isAtEnd);',
  },
  {
    name: 'backwards-from-the-wrong-end',
    sentence: 'a backward range stops at the first of the locked keys',
    file: RANGE_READ,
    find: 'isReverse ? locks.at(-1) : locks[0]',
    replace: 'locks[0]',
  },
  {
    name: 'sequences-share-a-name',
    sentence: 'transactions of one client whose sequences differ by 2^32 share a place in tables',
    file: TRANSACTION_ID,
    find: 'high >>> 16, high & 0xffff,',
    replace: '',
    isFast: true,
  },
  {
    name: 'a-deferred-end-is-not-awaited',
    sentence: 'a command waits for a holder whose deferred end is here, and nothing proposes it',
    file: PROPOSAL_QUEUE,
    find: 'sorting.isEndAwaited ? this.#unhurried.splice(0) : []',
    replace: '[]',
  },
  {
    name: 'deferred-without-bound',
    sentence: 'deferred entries are proposed by time alone, however many they are',
    file: PROPOSAL_QUEUE,
    find: 'if (this.#unhurried.length >= TRANSACTION_LIMITS.deferredMax)',
    replace: 'if (false)',
  },
  {
    name: 'a-full-entry-resolves-all',
    sentence: 'home shards learn that their parts are resolved, though the entry was full before',
    file: MERGED,
    find: 'left >= length ? [] : [partly(Math.max(0, left))]',
    replace: '[]',
    isFast: true,
  },
  {
    name: 'merged-beyond-the-limit',
    sentence: 'an entry holds more resolutions than replicas decode',
    file: MERGED,
    find: 'Math.max(commits, resolutions, cleared) <= resolutionsMax',
    replace: 'true',
  },
  {
    name: 'validated-under-a-lock',
    sentence: 'a validation holds although another transaction may have changed the key already',
    file: CHECK_READ,
    find: 'const obstacle = this.#obstacle();',
    replace: 'const obstacle = undefined;',
  },
  {
    name: 'a-held-key-in-a-range-is-passed-by',
    sentence: 'a validation ignores locked keys inside of ranges',
    file: CHECK_READ,
    find: 'if (lock !== undefined) return { position, holder: lock.holder };',
    replace: '',
  },
  {
    name: 'an-owner-waits-for-its-elder',
    sentence: 'a validation waits for an older transaction while it holds keys',
    file: CHECK_READ,
    find: "if (decision === 'yield')",
    replace: 'if (false)',
  },
];

export const COORDINATION_BUGS: readonly Bug[] = [...CONDUCTING, ...TELLING, ...RESOLVING].map(
  ({ isFast, ...bug }) => {
    const tests = bug.tests ?? [NOTICED[bug.file] ?? ''];
    return { ...bug, profiles: [], tests, isFast: isFast ?? false };
  },
);
