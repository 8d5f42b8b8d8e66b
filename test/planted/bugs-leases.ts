/** Planted bugs in what leaders do for leases and locks: keepalives, waits for tickets, sweeps. */

import type { Bug, Planted } from './bug.ts';

const KEEPS = 'src/shard/keeps.ts';
const WAITS = 'src/shard/ticket-waits.ts';
const SWEEP = 'src/node/lease-sweep.ts';
const SCAN = 'src/node/attachment-scan.ts';
const CHORES = 'src/node/maintenance.ts';
const REFUSAL = 'src/node/request-refusal.ts';

const KEEPALIVES: readonly Planted[] = [
  {
    name: 'keep-lost-with-overload',
    sentence: 'while the log has no room, keepalives are refused as writes are',
    file: KEEPS,
    find: `if (failure === 'overloaded') {`,
    replace: 'if (failure === undefined) {',
  },
  {
    name: 'live-lease-counts-against-its-client',
    sentence: 'a keepalive of a live lease is dropped with the request that is refused',
    file: KEEPS,
    find: 'if (lease?.endedAt === 0 && !set.leases.has(name))',
    replace: 'if (lease === id)',
  },
  {
    name: 'ended-told-by-a-stale-leader',
    sentence: 'that a lease is unknown is told before an entry has been applied',
    file: KEEPS,
    find: 'set.requests.push({ requester, leases: own, cost });',
    replace: `const lost = own.filter((id) => ofShard.of(id) === undefined);
      if (lost.length > 0) {
        const { responder, id } = requester;
        return responder.respond({ type: 'kept', id, time: 0, ended: lost });
      }
      set.requests.push({ requester, leases: own, cost });`,
  },
  {
    name: 'kept-told-before-the-last-entry',
    sentence: 'a set of several entries is answered when the first of them is applied',
    file: KEEPS,
    find: 'if (this.#unanswered > 0) return;',
    replace: '',
  },
  {
    name: 'many-sets-in-flight',
    sentence: 'while the disk stands still, each tenth of a second adds an entry of keepalives',
    file: KEEPS,
    find: 'if (!this.isReady) return []; this.#flight ??= this.#begin();',
    replace: `if (this.#gathered.leases.size === 0) return [];
      this.#flight = this.#begin();`,
  },
  {
    name: 'kept-says-what-others-lost',
    sentence: 'a request is told of ended leases that it did not name',
    file: KEEPS,
    find: 'leases.filter((lease) => ended.has(nameOf(lease)))',
    replace: '[...set.leases.values()].filter((lease) => ended.has(nameOf(lease)))',
  },
  {
    name: 'keepalives-leave-at-once',
    sentence: 'each keepalive costs an entry of its own',
    file: 'src/shard/proposing.ts',
    find: `this.#keeps.add(request, leases);`,
    replace: `this.#keeps.add(request, leases);
      this.#keeps.release();
      this.#state.wake();`,
  },
];

const TICKETS: readonly Planted[] = [
  {
    name: 'gone-told-by-a-stale-leader',
    sentence: 'a leader that may be deposed says that a ticket is gone',
    file: 'src/shard/reading.ts',
    find: "this.read({ requester, until, what: { type: 'ticket', wait } });",
    replace: `const { responder, id } = requester;
      responder.respond({ type: 'ticket', id, time, fence: 0, position: 0 });`,
  },
  {
    name: 'grant-fact-dropped',
    sentence: 'the entry that grants a ticket answers no request',
    file: 'src/shard/applying.ts',
    find: 'this.#grants = [...this.#grants, ...grants];',
    replace: '',
  },
  {
    name: 'await-answered-to-all',
    sentence: 'a grant wakes every request that waits at the lock',
    file: WAITS,
    find: 'const wait = this.#remove(placeOf(name, ticket)); if (wait !== undefined)',
    replace: 'for (const wait of this.takeAll())',
  },
  {
    name: 'ticket-of-another-lock',
    sentence: 'a grant answers a request for a ticket with the same number at another lock',
    file: WAITS,
    find: `return \`\${ticket} \${nameOf(name)}\`;`,
    replace: 'return String(ticket);',
  },
  {
    name: 'late-wait-stays',
    sentence: 'a request whose time is over is answered again by the grant',
    file: WAITS,
    find: `this.#parked.delete(place);
      answerTicket(wait, tickets`,
    replace: 'answerTicket(wait, tickets',
  },
  {
    name: 'waits-forgotten-with-leadership',
    sentence: 'requests for tickets stay parked at a leader that was deposed',
    file: 'src/shard/reading.ts',
    find: '...this.#blocked.takeAll(), ...this.#behind.takeAll(), ...this.#waits.takeAll()];',
    replace: '...this.#blocked.takeAll(), ...this.#behind.takeAll()];',
  },
];

const SWEEPS: readonly Planted[] = [
  {
    name: 'gathered-keepalive-ignored',
    sentence: 'a lease ends although a keepalive of it waits at its leader',
    file: SWEEP,
    find: '|| replica.isKept(lease.id)',
    replace: '',
  },
  {
    name: 'undecoded-keepalive-ignored',
    sentence: 'after its loop was held a leader ends leases before it decodes their keepalives',
    file: SWEEP,
    find: 'if (fair.hasWork && !isLate) return;',
    replace: '',
  },
  {
    name: 'sweep-starves',
    sentence: 'while requests wait all the time, no lease ends',
    file: SWEEP,
    find: 'if (fair.hasWork && !isLate) return;',
    replace: 'if (fair.hasWork) return;',
  },
  {
    name: 'leases-looked-at-one-by-one',
    sentence: 'a slow disk is waited for once for each lease that has ended',
    file: SCAN,
    find: 'this.#lookups.length < NODE_LIMITS.detachedAtOnceMax',
    replace: 'this.#lookups.length < 1',
    tests: ['attachment-scan'],
  },
  {
    name: 'first-ended-leases-only',
    sentence: 'behind many leases whose keys are held no other lease loses its keys',
    file: SWEEP,
    find: 'replica.isLeader ? round.ended.slice(scanned.done) : []',
    replace: '[]',
  },
  {
    name: 'tombstones-kept-for-ever',
    sentence: 'tombstones of leases pile up until the shard opens no more leases',
    file: SWEEP,
    find: 'if (old.length > 0) this.#propose(replica, old.map(forgetting), () => { });',
    replace: '',
  },
  {
    name: 'tombstones-one-by-one',
    sentence: 'each tombstone costs an entry of the log',
    file: SWEEP,
    find: 'due.length === keptLeasesMax || tombstones.dueAt(earlier, 1).length > 0',
    replace: 'due.length > 0',
  },
  {
    name: 'due-by-log-time',
    sentence: 'a lease is due when its keys would be, and never by its own clock',
    file: SWEEP,
    find: 'const time = machine.leaseTimeAt(replica.logTime);',
    replace: 'const time = machine.time - 2 ** 40;',
  },
  {
    name: 'forgotten-with-keys-left',
    sentence: 'a lease is forgotten although a key that a transaction holds is attached to it',
    file: SCAN,
    find: 'this.#add({ isLast: this.#isWhole });',
    replace: 'this.#add({ isLast: true });',
  },
  {
    name: 'forgotten-with-the-first-thousand',
    sentence: 'a lease is forgotten although there was no room for all of its keys',
    file: SCAN,
    find: 'this.#add({ isLast: false });',
    replace: 'this.#add({ isLast: true });',
  },
  {
    name: 'held-keys-hide-others',
    sentence: 'attached keys behind a thousand held ones are never deleted',
    file: SWEEP,
    find: 'round.from = scanned.from;',
    replace: '',
  },
  {
    name: 'sweep-of-too-many-bytes',
    sentence: 'the keys of one entry are counted and not weighed',
    file: SCAN,
    find: 'this.#bytesLeft -= key.length;',
    replace: '',
  },
  {
    name: 'sweep-without-a-pause',
    sentence: 'as long as keys are held, the leader proposes an entry with each tick',
    file: SCAN,
    find: 'if (isLast || keys.length > 0)',
    replace: 'if (true)',
  },
  {
    name: 'stamps-pile-up',
    sentence: 'stamps that wait for the disk tell the lease clock that the shard was served',
    file: CHORES,
    find: '|| this.#stamping.has(replica)',
    replace: '',
  },
  {
    name: 'leases-without-stamps',
    sentence: 'on an idle shard the lease clock stands still',
    file: CHORES,
    find: 'mayWait || machine.coordination.leases.size > 0',
    replace: 'mayWait',
  },
  {
    name: 'leases-immortal-on-a-full-disk',
    sentence: 'while the disk is full, the lease clock stands still',
    file: CHORES,
    find: 'const isWaiting = mayWait || machine.coordination.leases.size > 0;',
    replace: `const isWaiting = (areKeysWaiting || machine.coordination.leases.size > 0)
      && !this.#node.isReadOnly;`,
  },
  {
    name: 'fences-never-forgotten',
    sentence: 'a shard keeps the tokens of all names for ever',
    file: CHORES,
    find: 'this.#forgetFences(replica);',
    replace: '',
  },
];

const REQUESTS: readonly Planted[] = [
  {
    name: 'full-queue-refuses-the-batch',
    sentence: 'a full queue refuses the other commands of a batch as well',
    file: REFUSAL,
    find: 'if (!areAll) return undefined;',
    replace: '',
  },
  {
    name: 'queue-without-end',
    sentence: 'each client that finds a queue full costs an entry',
    file: 'src/node/router.ts',
    find: 'if (refused !== undefined)',
    replace: 'if (refused === null)',
  },
  {
    name: 'forwarded-wait-given-up',
    sentence: 'a node gives up a forwarded wait while its leader still holds it',
    file: 'src/node/forwards.ts',
    find: 'now + waitOf(request) +',
    replace: 'now +',
  },
  {
    name: 'guard-on-a-full-disk',
    sentence: 'on a full disk a guard alone adds a row for each name',
    file: 'src/shard/full-disk.ts',
    find: "if (has('fence') && !has('delete')) return false;",
    replace: '',
  },
];

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [KEEPS]: 'keeps',
  'src/shard/proposing.ts': 'keeps',
  'src/shard/full-disk.ts': 'full-disk',
  [CHORES]: 'lease-sweep',
  [SWEEP]: 'lease-sweep',
  [SCAN]: 'lease-sweep',
};

export const LEASE_BUGS: readonly Bug[] = [...KEEPALIVES, ...TICKETS, ...SWEEPS, ...REQUESTS].map(
  (bug) => {
    const { file } = bug;
    const other = file.startsWith('src/shard') ? 'ticket-waits' : 'coordination-requests';
    return { ...bug, profiles: [], tests: bug.tests ?? [NOTICED[file] ?? other], isFast: true };
  },
);
