/** Planted bugs in leases, locks and fences. */

import type { Bug, Planted } from './bug.ts';

const LEASES: readonly Planted[] = [
  {
    name: 'lease-by-log-time',
    sentence: 'a minute without a leader ends every lease of the shard',
    file: 'src/machine/shard-metadata.ts',
    find: 'const step = Math.min(time - metadata.logTime,',
    replace: 'const step = Math.min(time - metadata.logTime, 1e15 +',
  },
  {
    name: 'end-judged-by-the-leader',
    sentence: 'a lease ends although a keep stands in the log before its end',
    file: 'src/machine/coordination.ts',
    find: 'if (isAlive && lease.expiresAt > moment.leaseTime)',
    replace: 'if (lease === undefined)',
  },
  {
    name: 'keep-revives',
    sentence: 'a keep that comes late revives a lease whose tickets are gone',
    file: 'src/machine/coordination.ts',
    find: 'if (this.leases.isAlive(id)) this.leases.renew(id, moment.leaseTime, moment);',
    replace: 'if (this.leases.of(id)) this.leases.renew(id, moment.leaseTime, moment);',
  },
  {
    name: 'is-new-does-not-renew',
    sentence: 'the confirmation of an operation that opens a lease again proves nothing',
    file: 'src/machine/coordination.ts',
    find: 'if (this.leases.isAlive(id)) this.leases.renew(id, leaseTime, moment); else',
    replace: 'if (!this.leases.isAlive(id))',
  },
  {
    name: 'end-deletes-what-is-not-its',
    sentence: 'the end of a lease deletes a key that was set anew without it',
    file: 'src/machine/coordination.ts',
    find: 'if (own !== undefined && areEqual(own, lease))',
    replace: 'if (own !== lease)',
  },
  {
    name: 'end-deletes-what-is-held',
    sentence: 'the end of a lease deletes a key that a prepared transaction holds',
    file: 'src/machine/coordination.ts',
    find: 'if (work.isOver || lockTable.holderOf(key) !== undefined)',
    replace: 'if (work.isOver)',
  },
  {
    name: 'redo-writes-for-a-dead-lease',
    sentence: 'a transaction that is resolved late attaches a key to a lease that has ended',
    file: 'src/machine/execution.ts',
    find: "const isOver = operation.type === 'set' && this.#isOver(operation.lease);",
    replace: 'const isOver = false;',
  },
  {
    name: 'lease-opened-at-resolve',
    sentence: 'a part opens its lease when it is resolved, and so revives one that has ended',
    file: 'src/machine/execution.ts',
    find: "if (operation.type === 'set') this.#coordination.settle(operation);",
    replace: '',
  },
  {
    name: 'attachment-left',
    sentence: 'a deleted key stays in the index of its lease',
    file: 'src/machine/execution.ts',
    find: 'reindex(key, row, ENDLESS, this.#writes);',
    replace: 'reindex(key, { ...row, lease: undefined }, ENDLESS, this.#writes);',
  },
  {
    name: 'attachment-not-indexed',
    sentence: 'an attached key is not found when its lease ends',
    file: 'src/machine/row-index.ts',
    find: 'writeAttachment(lease, key, NO_BYTES, writes);',
    replace: '',
  },
  {
    name: 'lease-row-gone-too-early',
    sentence: 'a key that was attached behind the scan of the leader is left without a lease row',
    file: 'src/machine/coordination.ts',
    find: 'end.isLast && areAllGone && endedAt > 0 && endedAt <= end.seenAt',
    replace: 'end.isLast && areAllGone && endedAt > 0',
  },
  {
    name: 'fenced-counted-for-ever',
    sentence: 'each entry tells the refused guarded writes of all entries before it',
    file: 'src/machine/coordination.ts',
    find: 'this.#fenced = 0; return fenced;',
    replace: 'return fenced;',
  },
  {
    name: 'late-operation-opens-an-ended-lease',
    sentence: 'an operation that opens a lease and comes late revives it after its end',
    file: 'src/machine/coordination.ts',
    find: 'if (opening === undefined || this.tombstones.has(id))',
    replace: 'if (opening === undefined)',
  },
  {
    name: 'tombstone-forgotten-at-once',
    sentence: 'a tombstone goes while operations from before the end may still be executed',
    file: 'src/machine/lease-tombstones.ts',
    find: 'if (tombstone === undefined || tombstone.until >= logTime) return;',
    replace: 'if (tombstone === undefined) return;',
  },
  {
    name: 'end-before-the-opening-forgotten',
    sentence: 'the end of a lease that the shard does not have yet does not stop its opening',
    file: 'src/machine/coordination.ts',
    find: 'else if (this.leases.of(id) === undefined && !this.tombstones.has(id))',
    replace: 'else if (this.leases.of(id) !== undefined && this.tombstones.has(id))',
  },
  {
    name: 'more-ends-than-tombstones',
    sentence: 'leases are opened whose end the shard cannot remember',
    file: 'src/machine/coordination.ts',
    find: 'this.leases.size + this.tombstones.size + more <',
    replace: 'this.leases.size + more <',
  },
  {
    name: 'lease-of-a-failed-command',
    sentence: 'a command whose check fails opens its lease',
    file: 'src/machine/execution.ts',
    find: `const verdict = this.#evaluate(command, resultBytesMax);
      if (this.#coordinates && verdict.type === 'done') {`,
    replace: `const verdict = this.#evaluate(command, resultBytesMax);
      if (this.#coordinates && verdict.type !== 'locked') {`,
  },
];

const LOCKS: readonly Planted[] = [
  {
    name: 'waiter-jumps',
    sentence: 'behind a ticket that has to wait the next ones are granted',
    file: 'src/machine/tickets.ts',
    find: 'if (!mayJoin(ticket, owner, queue.owners)) return;',
    replace: 'if (!mayJoin(ticket, owner, queue.owners)) continue;',
  },
  {
    name: 'new-ticket-jumps',
    sentence: 'a shared ticket joins the owners although a ticket waits',
    file: 'src/machine/tickets.ts',
    find: 'const isGranted = waiting === 0 && mayJoin(acquire, owner, owners);',
    replace: 'const isGranted = mayJoin(acquire, owner, owners);',
  },
  {
    name: 'granted-within-the-entry',
    sentence: 'the rule runs at each release: two sets of owners have one token',
    file: 'src/machine/tickets.ts',
    find: 'for (const ticket of [...tickets.values()]) this.#remove(ticket, into);',
    replace: `for (const ticket of [...tickets.values()]) {
      this.#remove(ticket, into);
      const grants = this.grant(ticket.number, into);
      this.#gone.push(...grants);
    }`,
  },
  {
    name: 'ticket-granted-and-ended-in-one-entry',
    sentence: 'a batch acquires a lock and ends its lease: the next owner gets the same token',
    file: 'src/machine/coordinated-commands.ts',
    find: "if (operation.type === 'end-lease') return this.#used.has(leaseName(operation.lease));",
    replace: "if (operation.type === 'end-lease') return false;",
  },
  {
    name: 'grant-not-told',
    sentence: 'a ticket is granted, and its client is not told',
    file: 'src/machine/tickets.ts',
    find: 'grants.push({ name: granted.name, ticket: granted.id, fence: granted.fence });',
    replace: '',
  },
  {
    name: 'release-forgets-the-queue',
    sentence: 'a released lock is granted to no ticket',
    file: 'src/machine/tickets.ts',
    find: 'this.#touched.add(name);',
    replace: '',
  },
  {
    name: 'end-forgets-the-tickets',
    sentence: 'a lease ends, and its ticket owns the lock for ever',
    file: 'src/machine/coordination.ts',
    find: 'this.tickets.releaseAll(id, moment);',
    replace: '',
  },
  {
    name: 'token-of-the-ticket',
    sentence: 'the token is the index of the acquire and not of the grant',
    file: 'src/machine/tickets.ts',
    find: 'const granted = { ...ticket, fence: fenceOf(ticket, owner, index) };',
    replace: 'const granted = { ...ticket, fence: ticket.number };',
  },
  {
    name: 'shared-owner-fenced',
    sentence: 'a shared owner that joins shuts out those before it',
    file: 'src/machine/tickets.ts',
    find: "return kind === 'shared' && owner !== undefined ? owner.fence : index;",
    replace: 'return index;',
  },
  {
    name: 'tickets-in-the-order-of-slots',
    sentence: 'a machine that is made of rows has another queue than before',
    file: 'src/machine/tickets.ts',
    find: 'found.sort((one, other) => one.number - other.number)',
    replace: 'found',
  },
  {
    name: 'grant-in-no-row',
    sentence: 'a grant is in memory only, and lost with it',
    file: 'src/machine/tickets.ts',
    find: 'this.#slots.rewrite(ticket.slot, into, (writer) => writeTicket(writer, ticket)); queue',
    replace: 'queue',
  },
];

const FENCES: readonly Planted[] = [
  {
    name: 'fence-not-raised',
    sentence: 'a guarded write leaves the highest token as it was',
    file: 'src/machine/fences.ts',
    find: 'const row = { token, at: logTime };',
    replace: 'const row = { token: before?.token ?? token, at: logTime };',
  },
  {
    name: 'fence-lowered',
    sentence: 'of two tokens in one command the last one counts',
    file: 'src/machine/fences.ts',
    find: 'if (before !== undefined && before.token > token) return;',
    replace: '',
  },
  {
    name: 'owner-fenced-by-itself',
    sentence: 'the second guarded write of an owner is refused',
    file: 'src/machine/coordination.ts',
    find: 'if (highest > token)',
    replace: 'if (highest >= token)',
  },
  {
    name: 'tokens-of-one-entry',
    sentence: 'a guarded write does not see the token of a command before it in its entry',
    file: 'src/machine/fences.ts',
    find: 'this.#raised.set(nameOf(name), row);',
    replace: '',
  },
  {
    name: 'fence-not-held-by-a-part',
    sentence:
      'a newer owner writes while an older guarded write is prepared, which lands behind it',
    file: 'src/machine/lock-table.ts',
    find: 'return this.fenceHolderOf(operation.name);',
    replace: 'return undefined;',
  },
  {
    name: 'fence-not-redone',
    sentence: 'a prepared guarded write raises no token when it is resolved',
    file: 'src/machine/execution.ts',
    find: "if (operation.type === 'fence') this.#coordination.settle(operation);",
    replace: '',
  },
  {
    name: 'held-fence-forgotten',
    sentence: 'a token is forgotten while a prepared part holds its name',
    file: 'src/machine/coordination.ts',
    find: 'if (moment.lockTable.fenceHolderOf(name) !== undefined) continue;',
    replace: '',
  },
  {
    name: 'fence-forgotten-early',
    sentence: 'a token is forgotten less than a week after the last guarded write',
    file: 'src/machine/fences.ts',
    find: 'LIMITS.fenceKeepMilliseconds + LIMITS.fenceStepMilliseconds',
    replace: 'LIMITS.fenceKeepMilliseconds',
  },
  {
    name: 'fences-not-counted',
    sentence: 'the number of names is not in the state, so replicas differ in what they refuse',
    file: 'src/machine/fences.ts',
    find: 'writes.push({ section: SECTION.fences, key: NO_BYTES, value });',
    replace: '',
  },
];

function withTests(bugs: readonly Planted[], first: string): readonly Bug[] {
  return bugs.map((bug) => ({
    ...bug,
    profiles: [],
    tests: [first, 'coordination-random'],
    isFast: true,
  }));
}

const FENCE_GUARDS_A_CHECK: Bug = {
  name: 'fence-guards-a-check',
  sentence: 'a check of the key that routes a fence is not validated, as if the fence locked it',
  file: 'src/txn/plan.ts',
  find: 'if (locksKey(operation)) locked.add(operation.key);',
  replace: 'if (isLocking(operation)) locked.add(operation.key);',
  profiles: [],
  tests: ['plan'],
  isFast: true,
};

export const LOCK_BUGS: readonly Bug[] = [
  FENCE_GUARDS_A_CHECK,
  ...withTests(LEASES, 'leases'),
  ...withTests(LOCKS, 'locks'),
  ...withTests(FENCES, 'fences'),
];
