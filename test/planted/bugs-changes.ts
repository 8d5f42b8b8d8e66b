/** Planted bugs in what the machine tells of its changes, and in what a history keeps of them. */

import type { Bug, Planted } from './bug.ts';

const OF_THE_MACHINE: readonly Planted[] = [
  {
    name: 'recording-by-own-clock',
    sentence: 'a replica decides by its own clock whether an entry is recorded',
    file: 'src/machine/machine.ts',
    find: 'isRecording: logTime <= recordUntil',
    replace: 'isRecording: Date.now() <= recordUntil',
  },
  {
    name: 'recording-is-shortened',
    sentence: 'a later and shorter recording ends an earlier one',
    file: 'src/machine/machine.ts',
    find: 'if (recordUntil <= this.#metadata.recordUntil) return;',
    replace: '',
  },
  {
    name: 'recording-is-forgotten',
    sentence: 'a machine that opens its state does not know that its shard records',
    file: 'src/machine/shard-metadata.ts',
    find: 'const [leaseTime, recordUntil] = [reader.count(), reader.count()];',
    replace: 'const [leaseTime, recordUntil] = [reader.count(), 0 * reader.count()];',
  },
  {
    name: 'former-read-costs-work',
    sentence: 'the row that is read to be told counts as work',
    file: 'src/machine/execution.ts',
    find: "former === 'not-read' ? this.#storedVersion(key) : versionOf(former)",
    replace: "versionOf(former === 'not-read' ? this.#rowOrLost(key) : former)",
  },
  {
    name: 'former-is-not-read',
    sentence: 'a set that needs no row tells that the key was created',
    file: 'src/machine/execution.ts',
    find: "former === 'not-read' ? this.#storedVersion(key) : versionOf(former)",
    replace: "former === 'not-read' ? 0 : versionOf(former)",
  },
  {
    name: 'changes-of-undone-commands',
    sentence: 'a command that fails tells what it had begun',
    file: 'src/machine/execution.ts',
    find: 'this.#recorder?.cutTo(changes);',
    replace: '',
  },
  {
    name: 'resolve-tells-no-change',
    sentence: 'what a resolved part writes is not told',
    file: 'src/machine/transactions.ts',
    find: 'this.#execution(prepared.id, judged, about).redo(operations);',
    replace: 'this.#execution(prepared.id, judged, { operations: 2 }).redo(operations);',
  },
  {
    name: 'a-try-is-told',
    sentence: 'a part is told when it is prepared, and again when it is resolved',
    file: 'src/machine/transactions.ts',
    find: 'this.#execution(id, moment, { operations: operations.length });',
    replace:
      'this.#execution(id, moment, { operations: operations.length, recorder: moment.recorder });',
  },
  {
    name: 'touch-is-told',
    sentence: 'a touch is told as a change of the value',
    file: 'src/machine/execution.ts',
    find: 'this.#write(key, after);',
    replace: "this.#write(key, after); this.#record('set', key, row.value, row);",
  },
  {
    name: 'deletion-of-nothing-is-told',
    sentence: 'the deletion of a key that is not there is told',
    file: 'src/machine/execution.ts',
    find: 'if (row !== undefined) this.#record(kind, key, undefined, row);',
    replace: 'this.#record(kind, key, undefined, row);',
  },
  {
    name: 'expiry-is-not-told',
    sentence: 'what expires is not told',
    file: 'src/machine/expiry.ts',
    find: "recorder.noteEnd('expired', due.key, removed, version);",
    replace: '',
  },
  {
    name: 'end-of-a-lease-is-not-told',
    sentence: 'a key that goes with its lease is not told',
    file: 'src/machine/coordination.ts',
    find: "recorder.noteEnd('lease-ended', key, removed, index);",
    replace: '',
  },
  {
    name: 'set-for-a-lease-is-not-told',
    sentence: 'a key that is attached to a lease is not told',
    file: 'src/machine/execution.ts',
    find: "this.#write(key, row); this.#record('set', key, value, former);",
    replace: 'this.#write(key, row);',
  },
  {
    name: 'commands-are-one-group',
    sentence: 'all changes of an entry stand in one group',
    file: 'src/machine/execution.ts',
    find: 'this.#recorder?.end(this.#transaction); return this.#outputs',
    replace: 'if (this.#transaction) this.#recorder?.end(this.#transaction); return this.#outputs',
  },
  {
    name: 'missed-changes-are-not-counted',
    sentence: 'an entry that is not recorded does not tell that it changed something',
    file: 'src/machine/key-change.ts',
    find: "if (!this.#isRecording) return 'unrecorded';",
    replace: 'if (!this.#isRecording) return NONE;',
  },
];

const OF_THE_HISTORY: readonly Planted[] = [
  {
    name: 'floor-forgets-snapshot',
    sentence: 'a history goes on behind a snapshot as if nothing were missing',
    file: 'src/shard/applying.ts',
    find: 'state.context.histories.reset(state.history, state.position);',
    replace: '',
  },
  {
    name: 'floor-forgets-eviction',
    sentence: 'a history still covers what it has dropped',
    file: 'src/shard/history.ts',
    find: 'this.#raiseFloor({ index: slab.last, term: this.#termAt(slab.last) });',
    replace: '',
  },
  {
    name: 'floor-forgets-unrecorded-changes',
    sentence: 'a history covers entries whose changes were not recorded',
    file: 'src/shard/history.ts',
    find: "if (changes === 'unrecorded' || this.#isTooLarge(changes))",
    replace: "if (changes === 'unrecorded') changes = []; if (this.#isTooLarge(changes))",
  },
  {
    name: 'floor-forgets-large-entries',
    sentence: 'an entry with more changes than are kept moves no floor',
    file: 'src/shard/history.ts',
    find: "if (changes === 'unrecorded' || this.#isTooLarge(changes))",
    replace: "if (changes === 'unrecorded')",
  },
  {
    name: 'floor-forgets-terms',
    sentence: 'positions of terms that are forgotten count as known',
    file: 'src/shard/history.ts',
    find: 'this.#raiseFloor({ index: next.first - 1, term: oldest.term });',
    replace: '',
  },
  {
    name: 'quiet-entries-move-the-floor',
    sentence: 'a history is dropped by an entry that changes nothing while nothing is recorded',
    file: 'src/machine/key-change.ts',
    find: 'if (this.#length === 0) return NONE;',
    replace: 'if (this.#length === 0 && this.#isRecording) return NONE;',
  },
  {
    name: 'history-of-quiet-entries-ends',
    sentence: 'a recording of nothing is taken for a gap',
    file: 'src/shard/applying.ts',
    find: 'this.#remember(position, []);',
    replace: "this.#remember(position, 'unrecorded');",
  },
  {
    name: 'term-of-a-position-unchecked',
    sentence: 'a position of a lost history is continued in another one',
    file: 'src/shard/history.ts',
    find: "return term === this.#termAt(index) ? 'yes' : 'gone';",
    replace: "return 'yes';",
  },
  {
    name: 'lost-position-waits',
    sentence: 'a position behind the head is waited for, though its term is over',
    file: 'src/shard/history.ts',
    find: "return term < this.#head.term ? 'gone' : 'ahead';",
    replace: "return 'ahead';",
  },
  {
    name: 'resume-skips-an-entry',
    sentence: 'a scan begins one entry too late',
    file: 'src/shard/history.ts',
    find: '> this.index)',
    replace: '> this.index + 1)',
  },
  {
    name: 'resume-repeats-an-entry',
    sentence: 'a scan begins with the entry that its position has',
    file: 'src/shard/history.ts',
    find: '> this.index)',
    replace: '>= this.index)',
  },
  {
    name: 'middle-of-an-entry',
    sentence: 'a position is moved past an entry of which only a part was sent',
    file: 'src/shard/history.ts',
    find: 'isOver ? { index, term: this.#termAt(index) }',
    replace: 'isOver ? { index: index + (scan.sent > 0 ? 1 : 0), term: this.#termAt(index) }',
  },
  {
    name: 'position-is-version',
    sentence: 'the place of an entry is the version of its first change',
    file: 'src/shard/history.ts',
    find: 'view.setFloat64(slab.length, index);',
    replace: 'view.setFloat64(slab.length, changes[0].version);',
  },
  {
    name: 'last-of-the-command-not-of-the-range',
    sentence: 'a group has no last change if that is outside of the range',
    file: 'src/shard/history.ts',
    find: 'markLast(block, at, isLast);',
    replace: '',
  },
  {
    name: 'group-ends-with-the-message',
    sentence: 'a message that is full ends the group that it stops in',
    file: 'src/shard/history.ts',
    find: 'if (!this.#hasWhole) this.sent = number;',
    replace: 'if (this.#open) this.#open.isLast = true; if (!this.#hasWhole) this.sent = number;',
  },
  {
    name: 'part-behind-whole-entries',
    sentence: 'a message ends with a part of an entry that cannot be told from whole ones',
    file: 'src/shard/history.ts',
    find: 'if (!this.#hasWhole) this.sent = number;',
    replace: 'this.sent = number; if (true) {}',
  },
  {
    name: 'history-beyond-its-budget',
    sentence: 'no history drops anything',
    file: 'src/shard/histories.ts',
    find: 'while (this.#bytes > this.#bytesMax)',
    replace: 'while (this.#bytes > 1e12)',
  },
  {
    name: 'ended-replica-keeps-its-history',
    sentence: 'a replica that has left its node still takes its share of memory',
    file: 'src/shard/replica.ts',
    find: 'context.histories.reset(history, position);',
    replace: '',
  },
];

const OF_THE_RANGES: readonly Planted[] = [
  {
    name: 'open-range-ends-at-once',
    sentence: 'a range without an end holds no key',
    file: 'src/shard/watched-ranges.ts',
    find: 'return end.length === 0 || compareBytes(key, end) < 0;',
    replace: 'return compareBytes(key, end) < 0;',
  },
  {
    name: 'range-holds-its-end',
    sentence: 'a watched range holds the key at its end',
    file: 'src/shard/watched-ranges.ts',
    find: 'return end.length === 0 || compareBytes(key, end) < 0;',
    replace: 'return end.length === 0 || compareBytes(key, end) <= 0;',
  },
  {
    name: 'furthest-end-is-stale',
    sentence: 'the furthest end is not computed again when two trees are joined',
    file: 'src/shard/watched-ranges.ts',
    find: 'refresh(top); return top; } /** Its child',
    replace: 'return top; } /** Its child',
  },
  {
    name: 'first-range-only',
    sentence: 'ranges that begin before the key are not looked for once one is found',
    file: 'src/shard/watched-ranges.ts',
    find: 'if (isBehind && isBefore(key, range.to) && !visit(range)) return false;',
    replace: 'if (isBehind && isBefore(key, range.to)) return visit(range);',
  },
  {
    name: 'watched-range-goes-with-one-of-its-streams',
    sentence: 'a range is removed while other streams watch it',
    file: 'src/shard/watched-ranges.ts',
    find: 'if (range.items.size > 0) return;',
    replace: '',
  },
];

const OF_A_STREAM: readonly Planted[] = [
  {
    name: 'page-before-its-changes',
    sentence: 'a page is read before all changes of the keys before it were sent',
    file: 'src/shard/stream.ts',
    find: "if (through.index < history.head.index || sent > 0) return { type: 'scanned'",
    replace: "if (false) return { type: 'scanned'",
  },
  {
    name: 'cursor-off-by-one',
    sentence: 'changes of the first key that was not read yet are sent',
    file: 'src/shard/stream.ts',
    find: 'compareBytes(key, this.#cursor) < 0',
    replace: 'compareBytes(key, this.#cursor) <= 0',
  },
  {
    name: 'changes-while-a-page-is-read',
    sentence: 'a stream sends changes while the disk reads a page',
    file: 'src/shard/stream.ts',
    find: 'if (this.#isReading || (this.isBlocked && !hasBegun))',
    replace: 'if (this.isBlocked && !hasBegun)',
  },
  {
    name: 'stream-ignores-credit',
    sentence: 'a stream sends more than its client takes',
    file: 'src/shard/stream.ts',
    find: 'if (this.isBlocked && (this.isInitial || !isAtHead))',
    replace: 'if (this.isBlocked && this.isInitial)',
  },
  {
    name: 'credit-is-never-used',
    sentence: 'what is sent of changes costs no credit',
    file: 'src/shard/stream.ts',
    find: 'this.#credit -= block.length;',
    replace: '',
  },
  {
    name: 'a-part-moves-the-position',
    sentence: 'the first part of an entry moves the position of its reader',
    file: 'src/shard/stream.ts',
    find: 'sent > 0 ? { after: this.#told, through: this.#told } : this.#move(through)',
    replace: 'this.#move(through)',
  },
  {
    name: 'reader-is-forgotten',
    sentence: 'a stream does not keep the position that it has told its reader',
    file: 'src/shard/stream.ts',
    find: 'const after = this.#told; this.#told = through;',
    replace: 'const after = this.#told;',
  },
  {
    name: 'last-part-is-not-told',
    sentence: 'an entry whose last changes do not match is never told to have ended',
    file: 'src/shard/stream.ts',
    find: 'if (block.length > 0 || (hadParts && sent === 0))',
    replace: 'if (block.length > 0)',
  },
];

export const CHANGE_BUGS: readonly Bug[] = [
  ...OF_THE_MACHINE.map((bug) => {
    return { profiles: [], tests: ['changes', 'changes-random'], isFast: false, ...bug };
  }),
  ...OF_THE_HISTORY.map((bug) => {
    const isToldWrong = bug.file.startsWith('src/machine');
    const tests = isToldWrong ? ['changes'] : ['history', 'replica-history', 'history-random'];
    return { profiles: [], tests, isFast: false, ...bug };
  }),
  ...OF_THE_RANGES.map((bug) => {
    return { profiles: [], tests: ['watched-ranges'], isFast: false, ...bug };
  }),
  ...OF_A_STREAM.map((bug) => {
    return { profiles: [], tests: ['stream'], isFast: false, ...bug };
  }),
];
