/**
 * Bugs of transactions over several shards, in whatever room they live, that whole clusters under
 * faults have to show: what each does is right by itself, and wrong among the others.
 */

import type { Bug } from './bug.ts';

const TXN = { profiles: ['txn'], isFast: false };

const READING_BUGS: readonly Bug[] = [
  {
    ...TXN,
    file: 'src/shard/read-server.ts',
    name: 'told-what-is-about-to-change',
    sentence: 'a key that a transaction holds is read with its old value',
    find: 'this.#options.onHeld(read, holder, false); return bytes + rows.length * keyCost;',
    replace: '',
  },
  {
    ...TXN,
    file: 'src/shard/check-read.ts',
    name: 'validation-ignores-locks',
    sentence: 'a check holds for a key that another transaction is about to write',
    find: 'if (obstacle !== undefined) {',
    replace: 'if (obstacle === null) {',
  },
  {
    ...TXN,
    file: 'src/client/core/core.ts',
    name: 'joint-read-in-one-round',
    sentence: 'values of several moments are returned as if they were of one',
    find: 'if (!call.isJoint || first.isOneMoment)',
    replace: 'if (first.type)',
  },
];

const CONDUCTING_BUGS: readonly Bug[] = [
  {
    ...TXN,
    file: 'src/txn/coordinator.ts',
    name: 'validation-not-heeded',
    sentence: 'a transaction commits although what it read has changed',
    find: "if (reply.type !== 'done') this.#refuse(reply, to, to.places);",
    replace: '',
  },
  {
    ...TXN,
    file: 'src/txn/coordinator.ts',
    name: 'answered-before-decided',
    sentence: 'a client gets the answer for a commit that is not in the log yet',
    find: 'this.#propose(bytes, (reply) => {',
    replace: `if (!isHomeLast) {
      this.#port.decide(bytes, () => {});
      return this.#end({ type: 'decided', reply: { type: 'committed', versions, outputs } });
    }
    this.#propose(bytes, (reply) => {`,
  },
  {
    ...TXN,
    file: 'src/txn/plan.ts',
    name: 'home-locked-too-late',
    sentence: 'the home shard locks nothing before other shards validate',
    find: 'isHomeLast: !hasLateChecks && !isStaged,',
    replace: 'isHomeLast: true,',
  },
  {
    ...TXN,
    file: 'src/txn/decision-broadcast.ts',
    name: 'cleared-too-early',
    sentence: 'a decision is cleared as soon as the first participant has acknowledged it',
    find: 'if (telling.left.size > 0) return;',
    replace: '',
  },
  {
    ...TXN,
    file: 'src/txn/lock-resolver.ts',
    name: 'no-home-shard-is-asked',
    sentence: 'a request that waits for a lock never asks for the outcome of its holder',
    find: 'else if (conflict.askAt <= now) this.#ask(conflict);',
    replace: '',
  },
  {
    ...TXN,
    file: 'src/machine/outcome.ts',
    name: 'silence-is-an-abort',
    sentence: 'a home shard that does not answer counts as having aborted',
    find: "if (reply === undefined || reply.type === 'locked') return undefined;",
    replace: 'if (reply === undefined) return false;',
  },
  {
    ...TXN,
    file: 'src/node/transaction-service.ts',
    name: 'decisions-left-alone',
    sentence: 'a new leader does not send the decisions of the former one',
    find: 'if (machine.decisions.size > 0) this.#coordinatorsOf(replica);',
    replace: '',
  },
];

const APPLYING_BUGS: readonly Bug[] = [
  {
    ...TXN,
    file: 'src/machine/machine.ts',
    name: 'batches-pass-locks',
    sentence: 'a command that was proposed before its key was locked writes it all the same',
    find: 'holderFor: (operation) => this.#transactions.lockTable.holderFor(operation),',
    replace: 'holderFor: () => undefined,',
  },
  {
    ...TXN,
    file: 'src/machine/transactions.ts',
    name: 'resolved-twice-over',
    sentence: 'a resolved part is written as new, not as it was prepared',
    find: '{ ...moment, index: version, valueBytesMax,',
    replace: '{ ...moment, valueBytesMax,',
  },
  {
    ...TXN,
    file: 'src/machine/slots.ts',
    name: 'prepared-parts-forgotten',
    sentence: 'after a start or a snapshot the lock table is empty',
    find: 'for (let slot = 0; slot < end; slot++)',
    replace: 'for (let slot = end; slot < end; slot++)',
  },
  {
    ...TXN,
    file: 'src/machine/transactions.ts',
    name: 'commit-after-abort',
    sentence: 'a commit is done though recovery has aborted the transaction before',
    find: 'const known = this.#decided(id, record) ?? this.#given(record, isOver);',
    replace: `const known = proposal.type === 'commit' && this.prepared.of(id) === undefined
      ? undefined : this.#decided(id, record) ?? this.#given(record, isOver);`,
  },
];

export const CLUSTER_TXN_BUGS: readonly Bug[] = [
  ...READING_BUGS,
  ...CONDUCTING_BUGS,
  ...APPLYING_BUGS,
];
