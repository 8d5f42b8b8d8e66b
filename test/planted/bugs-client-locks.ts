/** Planted bugs in what the client does with leases and locks. */

import type { Bug, Planted } from './bug.ts';

const FOLDER = 'src/client/core/coordination';
const LEASE = `${FOLDER}/kept-lease.ts`;
const LEASES = `${FOLDER}/kept-leases.ts`;
const USE = `${FOLDER}/lease-use.ts`;
const TICKETS = `${FOLDER}/own-tickets.ts`;
const ENDS = `${FOLDER}/lease-ends.ts`;
const RETURNS = `${FOLDER}/returns.ts`;
const CLOCK = `${FOLDER}/elapsed-clock.ts`;

const PLANTED: readonly Planted[] = [
  {
    name: 'refused-copy-speaks-for-all',
    sentence: 'a ticket that another copy of the refused request may add is not given back',
    file: TICKETS,
    find: "|| (code === 'lock-queue-full' && copies > 1)",
    replace: '',
  },
  {
    name: 'signal-counts-from-the-answer',
    sentence: 'a keep proves a lease from its answer on, not from its sending',
    file: LEASES,
    find: 'lease.prove(place, sentAt);',
    replace: 'lease.prove(place, clock.latest);',
  },
  {
    name: 'opening-counts-from-the-answer',
    sentence: 'an operation that opens a lease proves it from its answer on',
    file: USE,
    find: 'lease.open(where, sentAt);',
    replace: 'lease.open(where, this.#terms.clock.latest);',
  },
  {
    name: 'proven-from-the-last-copy',
    sentence:
      'the remembered reply to a first copy proves a lease from the sending of the last one',
    file: USE,
    find: 'this.#sentAt ??=',
    replace: 'this.#sentAt =',
  },
  {
    name: 'signal-by-monotone-only',
    sentence: 'time in which the machine was suspended does not count for leases',
    file: CLOCK,
    find: 'if (isStep) this.#gained += Math.max(0, gain);',
    replace: '',
  },
  {
    name: 'wall-clock-set-back-counts',
    sentence: 'a wall clock that is set back prolongs leases',
    file: CLOCK,
    find: 'Math.max(0, gain)',
    replace: 'gain',
  },
  {
    name: 'drift-of-the-client-left-out',
    sentence:
      'a lease counts as proven for all of its time to live, whatever the clocks of leaders do',
    file: LEASE,
    find: 'this.ttlMilliseconds * provenPart - clockStepMilliseconds - tickMilliseconds;',
    replace: 'this.ttlMilliseconds;',
  },
  {
    name: 'grant-taken-unsure',
    sentence: 'a grant that comes when the lease is not held any more is believed',
    file: TICKETS,
    find: "if (lease.state !== 'held') return this.#begin(wait); const lock",
    replace: 'const lock',
  },
  {
    name: 'lost-lock-goes-on',
    sentence: 'a lock is owned although its lease may have ended',
    file: TICKETS,
    find: "if (lease.state !== 'held') this.#loseAll(lease, lease.state);",
    replace: "if (lease.state === 'ended') this.#loseAll(lease, lease.state);",
  },
  {
    name: 'lease-judged-by-ticks-only',
    sentence: 'the first thing that a program does after a stall still believes in its locks',
    file: `${FOLDER}/coordination.ts`,
    find: 'this.leases.judge(this.#clock.latest);',
    replace: '',
  },
  {
    name: 'late-acquire-stays',
    sentence: 'a ticket that a late copy adds is given back by nothing but the end of its lease',
    file: TICKETS,
    find: 'doubtUntil === 0 || heardTimeOf(shard) > doubtUntil,',
    replace: 'doubtUntil === 0 || heardTimeOf(shard) > 0,',
  },
  {
    name: 'ticket-left-in-the-queue',
    sentence: 'a call that gives up leaves its ticket in the queue',
    file: TICKETS,
    find: "if (ticket !== undefined && state !== 'asking') this.#returns.add(ticket);",
    replace: '',
  },
  {
    name: 'late-ticket-is-not-given-back',
    sentence: 'a ticket that the shard grants after its call was aborted is kept',
    file: TICKETS,
    find: 'else if (!isOpen) this.#returns.add(ticket);',
    replace: '',
  },
  {
    name: 'lease-of-locks-never-ends',
    sentence: 'a lease that was drawn for locks is kept alive although no lock uses it',
    file: LEASES,
    find: 'return usedAt === undefined ? Number.POSITIVE_INFINITY',
    replace: 'return usedAt !== 0 ? Number.POSITIVE_INFINITY',
  },
  {
    name: 'lease-of-locks-ends-early',
    sentence: 'locks that are taken now and then use up the leases that a shard may have',
    file: LEASES,
    find: 'usedAt + lease.ttlMilliseconds;',
    replace: 'usedAt + lease.keepMilliseconds;',
  },
  {
    name: 'ended-lease-is-opened-again',
    sentence: 'each operation opens its lease, also one that an administrator has ended',
    file: LEASE,
    find: 'const isOpen = this.places.get(shard)?.isOpen === true;',
    replace: 'const isOpen = false;',
  },
  {
    name: 'lease-ends-in-one-shard',
    sentence: 'a lease that has ended in one shard lives on in the others until its time is over',
    file: LEASES,
    find: 'if (!lease.end(reason)) return onEnded(undefined);',
    replace: "if (!lease.end(reason) || reason !== 'released') return onEnded(undefined);",
  },
  {
    name: 'lease-ends-in-the-batch-of-its-lock',
    sentence: 'a lock is acquired, and its lease ended, in one batch',
    file: 'src/client/core/batcher.ts',
    find: "one.type === 'end-lease' && leases.has(hash(one.lease))",
    replace: 'false',
  },
  {
    name: 'keep-waits-for-room',
    sentence: 'a connection that is full of requests holds up keeps, and leases end under load',
    file: 'src/client/core/connections.ts',
    find: "if (sent.size === 0 || kind === 'keep')",
    replace: 'if (sent.size === 0)',
  },
  {
    name: 'waits-for-locks-take-room',
    sentence: 'calls that wait for locks leave no room to others',
    file: 'src/client/core/connections.ts',
    find: 'CLIENT_LIMITS.sentRequestsMax - (sent.size - awaits)',
    replace: 'CLIENT_LIMITS.sentRequestsMax - sent.size',
  },
  {
    name: 'write-outlives-its-lease',
    sentence: 'a write that names a lease is retried when the lease is not proven any more',
    file: `${FOLDER}/coordination.ts`,
    find: 'earliest = Math.min(earliest, stepBefore(now + left));',
    replace: 'earliest = Math.min(earliest, expiresAt);',
  },
  {
    name: 'batch-of-the-most-patient',
    sentence: 'a patient write of the same turn lets a request for a lock take effect late',
    file: 'src/client/core/batcher.ts',
    find: 'return Math.max(batch.expiresAt, expiresAt) <= tracedUntil;',
    replace: 'return tracedUntil > 0;',
  },
  {
    name: 'batch-for-each-change-of-expiry',
    sentence: 'writes with and without a lease, in turn, are sent one by one',
    file: 'src/client/core/batcher.ts',
    find: 'if (!hasRoom) return undefined;',
    replace: 'return undefined;',
  },
];

/** Leases that end while operations that open them are on their way. */
const IN_FLIGHT: readonly Planted[] = [
  {
    name: 'end-passes-by-an-opening-in-flight',
    sentence: 'a shard that was sent an operation that opens a lease is not told of its end',
    file: USE,
    find: 'const place = lease.doubt(where);',
    replace: "if (lease.state !== 'ended') continue; const place = lease.doubt(where);",
  },
  {
    name: 'late-opening-stays',
    sentence: 'an operation that is sent after the end of its lease opens it for all of its time',
    file: USE,
    find: "if (lease.state === 'ended') this.#terms.onLate(place);",
    replace: '',
  },
  {
    name: 'release-waits-for-no-opening',
    sentence: 'a lease counts as ended although an operation that opens it will be sent',
    file: ENDS,
    find: '&& ending.lease.unsentOpenings === 0',
    replace: '',
  },
  {
    name: 'failed-end-is-not-repeated',
    sentence: 'a shard that had no leader at the release of a lease keeps it for all of its time',
    file: RETURNS,
    find: 'else if (dueAt <= now) this.#try(one);',
    replace: '',
  },
  {
    name: 'release-waits-for-ever',
    sentence: 'a release waits for an operation that cannot be sent beyond its timeout',
    file: ENDS,
    find: 'if (now < ending.expiresAt) continue;',
    replace: 'if (now >= 0) continue;',
  },
  {
    name: 'own-deadline-too-far',
    sentence: 'a write of the core may name a deadline that no shard accepts',
    file: 'src/client/core/core.ts',
    find: 'this.#coordination.now + Math.min(timeoutMilliseconds, TIMEOUT_MAX);',
    replace: 'this.#coordination.now + timeoutMilliseconds;',
  },
  {
    name: 'close-leaves-ends-behind',
    sentence: 'a client that closes does not wait for the ends of its leases',
    file: LEASES,
    find: 'this.#ends.finish(terms);',
    replace: 'terms.onEnded();',
  },
];

/** Releases whose options are wrong, or whose signal is aborted. */
const RELEASES: readonly Planted[] = [
  {
    name: 'refused-release-of-a-lock-counts',
    sentence: 'a release that is refused for its options is the last that a lock allows',
    file: 'src/client/held-lock.ts',
    find: 'if (!isAllowed) return released;',
    replace: '',
  },
  {
    name: 'refused-release-of-a-lease-counts',
    sentence: 'a release that is refused for its options is the last that a lease allows',
    file: 'src/client/held-lease.ts',
    find: 'if (isAllowed) this.#released = released;',
    replace: 'this.#released = released;',
  },
  {
    name: 'aborted-release-is-not-begun',
    sentence: 'a release with a signal that is aborted already gives nothing back',
    file: 'src/client/engine.ts',
    find: 'if (isAborted && !isEnding)',
    replace: 'if (isAborted)',
  },
  {
    name: 'aborted-release-waits',
    sentence: 'a release with a signal that is aborted already waits for its shard',
    file: 'src/client/engine.ts',
    find: 'if (isAborted) abort();',
    replace: '',
  },
  {
    name: 'refused-release-is-not-begun',
    sentence: 'a release in a long outage, or beyond the limit of calls, gives nothing back',
    file: 'src/client/core/core.ts',
    find: 'if (this.#closed === undefined && isEnding(call))',
    replace:
      'if (this.#closed === undefined && isEnding(call) && this.#refusalOf(call) === undefined)',
  },
  {
    name: 'release-in-an-outage-waits',
    sentence: 'a release in a long outage waits for its timeout',
    file: `${FOLDER}/coordination.ts`,
    find: 'if (refusal !== undefined) this.#settle(call, refusal);',
    replace: '',
  },
];

const LIBRARY: readonly Planted[] = [
  {
    name: 'signal-remembers-its-last-tick',
    sentence: 'a signal that was read before a stop is not aborted until a timer of the client ran',
    file: 'src/client/observed-signal.ts',
    find: 'const isAborted = () => { look(); return',
    replace: 'const isAborted = () => { return',
  },
  {
    name: 'signals-wait-for-input',
    sentence: 'a signal aborts only when a late tick has looked for input several times',
    file: 'src/client/engine.ts',
    find: '() => this.observe()];',
    replace: '() => {}];',
  },
  {
    name: 'first-listener-finds-the-others-owned',
    sentence: 'the listener of a lost lock finds another lock of the same lease still owned',
    file: 'src/client/core/coordination/own-tickets.ts',
    find: 'lock.loss = loss; this.#returns.add(lock.ticket); }',
    replace: 'lock.loss = loss; this.#returns.add(lock.ticket); lock.onLost?.(); }',
  },
  {
    name: 'what-on-wait-throws-ends-the-process',
    sentence: 'an exception in onWait is caught by no call',
    file: 'src/client/locking.ts',
    find: 'try { onWait(position); } catch (error) { this.#thrown.abort(error); }',
    replace: 'onWait(position);',
  },
  {
    name: 'calls-begin-while-closing',
    sentence: 'a lock is taken while the client ends its leases to close',
    file: 'src/client/engine.ts',
    find: 'if (this.#closing !== undefined && !isEnding) return settle(CLOSED);',
    replace: '',
  },
  {
    name: 'close-waits-although-cut-off',
    sentence: 'a client that reaches no node waits for the ends of its leases all the same',
    file: 'src/client/engine.ts',
    find: 'if (isOver && this.#core.isCutOff)',
    replace: 'if (isOver && !this.#core.isBusy)',
  },
  {
    name: 'close-overtakes-a-release',
    sentence: 'a client that closes cuts off the release of its last lease',
    file: 'src/client/core/coordination/kept-leases.ts',
    find: 'return this.#open.size > 0 || !this.#ends.areKnown;',
    replace: 'return this.#open.size > 0;',
  },
  {
    name: 'owned-by-an-old-look',
    sentence: 'a program that stood still is told that it still owns its lock',
    file: 'src/client/held-lock.ts',
    find: 'this.#terms.engine.observe(); return this.#terms.owned.loss === undefined;',
    replace: 'return this.#terms.owned.loss === undefined;',
  },
  {
    name: 'lost-lock-guards',
    sentence: 'a lock that was lost guards writes as one that is owned',
    file: 'src/client/fence.ts',
    find: 'if (source.isOwned)',
    replace: 'if (fence)',
  },
  {
    name: 'fence-of-another-cluster',
    sentence: 'the text of a fence is taken from any cluster',
    file: 'src/client/fence.ts',
    find: 'digest.some((byte, at) => byte !== bytes[at])',
    replace: 'digest.length === 0',
  },
  {
    name: 'lost-lock-returns',
    sentence: 'a function that ended without its lock counts as done under it',
    file: 'src/client/locking.ts',
    find: 'const cause = lock.isOwned ? undefined : lock.loss;',
    replace: 'const cause = undefined;',
  },
];

/** The seeds of locks find most of them; scripted tests find what needs a shard of its own. */
const TESTS = ['locks', 'locks-under-faults'];
const LIBRARY_TESTS = ['locking', 'lock-signals', 'lock-arguments'];

export const CLIENT_LOCK_BUGS: readonly Bug[] = [
  ...PLANTED.map((one): Bug => ({ isFast: false, ...one, profiles: [], tests: TESTS })),
  ...IN_FLIGHT.map(
    (one): Bug => ({ isFast: false, ...one, profiles: [], tests: ['leases-in-flight'] }),
  ),
  ...RELEASES.map((one): Bug => ({ isFast: false, ...one, profiles: [], tests: ['releases'] })),
  ...LIBRARY.map((one): Bug => ({ isFast: false, ...one, profiles: [], tests: LIBRARY_TESTS })),
];
