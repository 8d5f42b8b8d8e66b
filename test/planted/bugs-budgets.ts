/** Planted bugs in what one request, one entry or one client may cost the others. */

import type { Bug, Planted } from './bug.ts';

const WORK = { profiles: [], tests: ['work'], isFast: false } as const;
const EXECUTION = 'src/machine/execution.ts';
const MACHINE = 'src/machine/machine.ts';
const TRANSACTIONS = 'src/machine/transactions.ts';

const WORK_BUGS: readonly Planted[] = [
  {
    name: 'append-beyond-what-is-configured',
    sentence: 'an append is bounded by the largest configurable value, not by the configured limit',
    file: EXECUTION,
    find: 'if (length > this.#valueBytesMax)',
    replace: 'if (length > 16 * 1024 * 1024)',
  },
  {
    name: 'appends-without-a-bound',
    sentence: 'a small entry rewrites as many large values as it names',
    file: EXECUTION,
    find: 'this.#work.add(this.#writer.length - length);',
    replace: '',
  },
  {
    name: 'reads-of-an-entry-without-a-bound',
    sentence: 'a small entry reads as many large values as it names',
    file: EXECUTION,
    find: 'this.#work.add(bytes.length);',
    replace: '',
  },
  {
    name: 'full-entry-refuses-for-good',
    sentence: 'a command after large ones is refused as if it were too large itself',
    file: EXECUTION,
    find: 'return isFull && !this.#isFirst ? ENTRY_FULL : verdict;',
    replace: 'return verdict;',
  },
  {
    name: 'too-much-work-is-never-final',
    sentence: 'a command that no entry can execute is retried again and again',
    file: EXECUTION,
    find: 'return isFull && !this.#isFirst ? ENTRY_FULL : verdict;',
    replace: 'return isFull ? ENTRY_FULL : verdict;',
  },
  {
    name: 'resolves-all-in-one-entry',
    sentence: 'an entry resolves as many commits as it lists, whatever they cost',
    file: TRANSACTIONS,
    find: 'if (work.bytes > 0 && !work.allows(costs)) break;',
    replace: '',
  },
  {
    name: 'cut-resolution-says-nothing',
    sentence: 'a shard resolves some of many commits, and reports all of them',
    file: MACHINE,
    find: 'if (done === resolutions.length) return [];',
    replace: 'if (done >= 0) return [];',
  },
  {
    name: 'work-of-a-part-is-forgotten',
    sentence: 'a rebuilt machine does not know the cost of its prepared parts',
    file: 'src/machine/lock-table.ts',
    find: 'bytes: entry.bytes.length, prepare }',
    replace: 'workBytes: 0, bytes: entry.bytes.length, prepare }',
  },
  {
    name: 'expires-whatever-it-costs',
    sentence: 'an entry that expires keys reads all of their values, however large',
    file: MACHINE,
    find: 'if (!this.#work.isOver) expireRow(dueKey, this.#expiry(index), writes);',
    replace: 'expireRow(dueKey, this.#expiry(index), writes);',
  },
  {
    name: 'forgets-whatever-it-costs',
    sentence: 'an entry that forgets clients reads all of their rows',
    file: MACHINE,
    find: 'kept > 0 && left > 0 && !this.#work.isOver;',
    replace: 'kept > 0 && left > 0;',
  },
];

const QUEUE = 'src/shard/fair-queue.ts';
const TURNS = { profiles: [], tests: ['fair-queue', 'range-turns'], isFast: false } as const;

const TURN_BUGS: readonly (Planted & Partial<Bug>)[] = [
  {
    name: 'debtors-are-served-on',
    sentence: 'a client with many requests is served to the end before the next one has a turn',
    file: QUEUE,
    find: 'while (share.hasJobs && share.credit > 0 && share.group.credit > 0)',
    replace: 'while (share.hasJobs)',
  },
  {
    name: 'turn-without-a-slice',
    sentence: 'a turn serves all requests, however long the others wait for its end',
    file: QUEUE,
    find: 'this.#left -= share.step();',
    replace: 'share.step();',
  },
  {
    name: 'debts-are-forgiven',
    sentence: 'a client with few but costly requests gets more than the others',
    file: QUEUE,
    find: 'share.credit = Math.min(share.credit + quantumCost, quantumCost);',
    replace: 'share.credit = quantumCost;',
  },
  {
    name: 'slices-of-ranges-cost-nothing',
    sentence: 'the rows of a range are not charged',
    file: 'src/shard/range-read.ts',
    find: 'share?.charge(costOf(rows));',
    replace: 'costOf(rows);',
  },
  {
    name: 'answers-beyond-the-budget-are-made',
    sentence: 'a client that reads nothing is answered without bound',
    file: QUEUE,
    find: 'if (!share.mayGoOn) {',
    replace: 'if (share.isGone) {',
  },
  {
    name: 'full-share-is-forgotten',
    sentence: 'a client whose answers had to wait is never served again',
    file: QUEUE,
    find: 'this.#full.delete(share);',
    replace: 'continue;',
  },
  {
    name: 'range-waits-behind-those-that-wait-for-it',
    sentence: 'the next slice of a range waits behind ranges that may not begin yet',
    file: 'src/shard/range-read.ts',
    find: "fair.add(share, this, 'begun');",
    replace: "fair.add(share, this, 'granted');",
  },
  {
    name: 'ranges-of-one-without-a-bound',
    sentence: 'a client opens as many views as it requests ranges',
    file: 'src/shard/reading.ts',
    find: 'share.ranges < FAIRNESS_LIMITS.rangesMax;',
    replace: 'share.ranges < 1000;',
  },
  {
    name: 'gone-client-keeps-its-views',
    sentence: 'begun ranges of a closed connection never release their views',
    file: QUEUE,
    find: 'job.drop?.(); } }',
    replace: '; } }',
  },
  {
    name: 'one-fills-the-log',
    sentence: 'on a slow disk one client takes all bytes that may wait for the log',
    file: 'src/shard/proposing.ts',
    find: 'portions.add(share, amount);',
    replace: '',
    tests: ['proposing'],
  },
  {
    name: 'one-fills-the-room-of-all',
    sentence: 'one client may have all of a shared quota',
    file: 'src/shard/fair-quota.ts',
    find: 'return this.of(share) + amount <= this.#max - this.#total;',
    replace: 'return amount <= this.#max - this.#total;',
  },
];

const DOOR = { profiles: [], tests: ['client-frames', 'response-budget'], isFast: false } as const;
const BUDGET = 'src/node/response-budget.ts';
const FRAMES = 'src/node/client-frames.ts';

const DOOR_BUGS: readonly Planted[] = [
  {
    name: 'reads-on-whatever-waits',
    sentence: 'frames of a connection accumulate, however many wait to be served',
    file: FRAMES,
    find: 'if (isFull && !waiting.isPaused)',
    replace: 'if (isFull && waiting.isPaused)',
  },
  {
    name: 'paused-for-ever',
    sentence: 'a connection that was paused is never read again',
    file: FRAMES,
    find: 'if (waiting.isPaused && waiting.bytes <= queueBytesMax / 2)',
    replace: 'if (waiting.isPaused && waiting.bytes < 0)',
  },
  {
    name: 'answers-of-one-without-a-bound',
    sentence: 'one connection is answered however many answers wait',
    file: BUDGET,
    find: 'return debt.bytes < answerBytesMax && this.#bytes < CROWDED_BYTES;',
    replace: 'return this.#bytes < CROWDED_BYTES;',
  },
  {
    name: 'answers-of-all-without-a-bound',
    sentence: 'a thousand connections that read nothing may each use their bound',
    file: BUDGET,
    find: 'return debt.bytes < answerBytesMax && this.#bytes < CROWDED_BYTES;',
    replace: 'return debt.bytes < answerBytesMax;',
  },
  {
    name: 'stalled-is-kept',
    sentence: 'a connection that reads no answers keeps the budget that others need',
    file: BUDGET,
    find: 'if (isCrowded && isLong && longest !== undefined) stalled.push(longest);',
    replace: '',
  },
  {
    name: 'slow-taken-for-stalled',
    sentence: 'a connection that reads its answers slowly is closed as if it read none',
    file: BUDGET,
    find: 'if (left > debt.left) debt.stalledMilliseconds = 0;',
    replace: '',
  },
];

const HALVES = { profiles: [], tests: ['receive-budget', 'frame-meter'], isFast: false } as const;

const HALVES_BUGS: readonly (Planted & Partial<Bug>)[] = [
  {
    name: 'halves-without-a-bound',
    sentence: 'clients that finish no frame fill the memory of a node',
    file: 'src/transport/web-sockets.ts',
    find: 'unfinished.excess?.makeRoom();',
    replace: '',
    tests: ['web-hostile'],
  },
  {
    name: 'halves-of-clients-close-peers',
    sentence: 'incomplete frames of clients count together with those of peers',
    file: 'src/transport/web-sockets.ts',
    find: 'const { upgrader, unfinished } = this.#entrances[url];',
    replace:
      "const { unfinished } = this.#entrances['/client']; " +
      'const { upgrader } = this.#entrances[url];',
    tests: ['web-hostile'],
  },
  {
    name: 'smallest-half-has-to-go',
    sentence: 'above the bound the smallest incomplete frame is closed instead of the largest',
    file: 'src/transport/receive-budget.ts',
    find: 'if (unfinished <= bytes) continue;',
    replace: 'if (bytes > 0 && unfinished >= bytes) continue;',
  },
  {
    name: 'frame-without-a-deadline',
    sentence: 'a client that sends single bytes is never closed',
    file: 'src/transport/client-connections.ts',
    find: 'if (deadline.check(now, { isDeaf })) return undefined;',
    replace: 'if (deadline.check(now, { isDeaf }) || now > 0) return undefined;',
    tests: ['web-hostile'],
  },
  {
    name: 'slow-frame-is-cut-off',
    sentence: 'a frame has to arrive within a fixed time, however slow its link is',
    file: 'src/transport/frame-deadline.ts',
    find: 'return received - since.received >= this.#limits.frameProgressBytes;',
    replace: 'return false;',
  },
  {
    name: 'pieces-are-not-counted',
    sentence: 'a message in fragments counts as complete with each of them',
    file: 'src/transport/frame-meter.ts',
    find: 'if (isFinal && !this.#isControl)',
    replace: 'if (!this.#isControl)',
  },
];

const PAUSED: Planted = {
  name: 'paused-is-taken-for-silent',
  sentence: 'a client is closed for silence while it is not read',
  file: 'src/transport/keepalive.ts',
  find: 'if (isDeaf || bytesReceived',
  replace: 'if (bytesReceived',
};

export const BUDGET_BUGS: readonly Bug[] = [
  ...WORK_BUGS.map((bug) => ({ ...WORK, ...bug })),
  ...TURN_BUGS.map((bug) => ({ ...TURNS, ...bug })),
  ...DOOR_BUGS.map((bug) => ({ ...DOOR, ...bug })),
  ...HALVES_BUGS.map((bug) => ({ ...HALVES, ...bug })),
  { ...PAUSED, profiles: [], tests: ['switchboard'], isFast: false },
  {
    name: 'no-sign-of-life-without-a-raw-socket',
    sentence: 'under Bun a connection counts as silent, however much it receives',
    file: 'src/transport/web-line.ts',
    find: 'this.#raw?.bytesRead ?? this.#heard',
    replace: 'this.#raw?.bytesRead ?? 0',
    profiles: [],
    tests: ['web-line'],
    isFast: true,
  },
];
