/** Planted bugs in what one request, one entry or one client may cost the others. */

import type { Bug, Planted } from './bug.ts';

const WORK = { profiles: [], tests: ['work'], isFast: false } as const;
const EXECUTION = 'src/machine/execution.ts';
const MACHINE = 'src/machine/machine.ts';
const TRANSACTIONS = 'src/machine/transactions.ts';

const WORK_BUGS: readonly Planted[] = [
  {
    name: 'append-beyond-what-is-configured',
    sentence: 'an append is bounded by the largest value that may be configured, not by the limit',
    trap: 'P7',
    file: EXECUTION,
    find: 'if (length > this.#valueBytesMax)',
    replace: 'if (length > 16 * 1024 * 1024)',
  },
  {
    name: 'appends-without-a-bound',
    sentence: 'a small entry rewrites as many large values as it names',
    trap: 'P7',
    file: EXECUTION,
    find: 'this.#work.add(this.#writer.length - length);',
    replace: '',
  },
  {
    name: 'reads-of-an-entry-without-a-bound',
    sentence: 'a small entry reads as many large values as it names',
    trap: 'P7',
    file: EXECUTION,
    find: 'this.#work.add(bytes.length);',
    replace: '',
  },
  {
    name: 'full-entry-refuses-for-good',
    sentence: 'a command that came behind large ones is refused as if it were too large itself',
    trap: 'P4',
    file: EXECUTION,
    find: 'return isFull && !this.#isFirst ? ENTRY_FULL : verdict;',
    replace: 'return verdict;',
  },
  {
    name: 'too-much-work-is-never-final',
    sentence: 'a command that no entry can hold is asked for again and again',
    trap: 'P5',
    file: EXECUTION,
    find: 'return isFull && !this.#isFirst ? ENTRY_FULL : verdict;',
    replace: 'return isFull ? ENTRY_FULL : verdict;',
  },
  {
    name: 'resolves-all-in-one-entry',
    sentence: 'an entry resolves as many commits as it names, whatever they cost',
    trap: 'P7',
    file: TRANSACTIONS,
    find: 'if (work.bytes > 0 && !work.allows(costs)) break;',
    replace: '',
  },
  {
    name: 'cut-resolution-says-nothing',
    sentence: 'a shard resolves some of many commits, and says that it did all',
    trap: '32',
    file: MACHINE,
    find: 'if (done === resolutions.length) return undefined;',
    replace: 'if (done >= 0) return undefined;',
  },
  {
    name: 'work-of-a-part-is-forgotten',
    sentence: 'a machine that is made anew does not know what its prepared parts cost',
    trap: 'P7',
    file: 'src/machine/prepared.ts',
    find: 'const workBytes = reader.count();',
    replace: 'const workBytes = 0 * reader.count();',
  },
  {
    name: 'expires-whatever-it-costs',
    sentence: 'an entry that expires keys reads all of their values, however large',
    trap: 'P7',
    file: MACHINE,
    find: 'if (!this.#work.isOver) this.#expire(dueKey, writes);',
    replace: 'this.#expire(dueKey, writes);',
  },
  {
    name: 'forgets-whatever-it-costs',
    sentence: 'an entry that forgets clients reads all that they were told',
    trap: 'P7',
    file: MACHINE,
    find: 'kept > 0 && left > 0 && !this.#work.isOver;',
    replace: 'kept > 0 && left > 0;',
  },
];

export const BUDGET_BUGS: readonly Bug[] = WORK_BUGS.map((bug) => ({ ...WORK, ...bug }));
