/** Planted bugs in the client: retries, outcomes, numbers, batches, pages. */

import type { Bug } from './bug.ts';

const WRITES = 'src/client/core/write-request.ts';
const DISPATCH = 'src/client/core/dispatch.ts';
const REQUEST = 'src/client/core/shard-request.ts';
const POLICY = 'src/client/core/retry-policy.ts';

interface Planted {
  readonly name: string;
  readonly sentence: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests?: readonly string[];
  readonly isFast?: boolean;
}

const PLANTED: readonly Planted[] = [
  {
    name: 'retry-under-a-new-sequence',
    sentence: 'a request in doubt is retried as a new one',
    file: WRITES,
    find: 'if (this.#numbers === undefined) {',
    replace: 'if (this.#numbers === undefined || this.#copies > 0) {',
    isFast: true,
  },
  {
    name: 'retry-under-a-new-deadline',
    sentence: 'a repeated batch gets more time under the same sequence',
    file: WRITES,
    find: 'deadline: this.#numbers.deadlines[0],',
    replace: 'deadline: this.#numbers.deadlines[0] + this.#copies * 20_000,',
  },
  {
    name: 'anew-although-in-doubt',
    sentence: 'a refusal for the deadline counts for all copies',
    file: POLICY,
    find: "copies === 1 ? 'renew' : 'expire'",
    replace: "'renew'",
    tests: ['rules'],
    isFast: true,
  },
  {
    name: 'renewed-although-in-doubt',
    sentence: 'a transaction that may have been committed is begun again as something new',
    file: POLICY,
    find: 'isTransaction && doubts === 0',
    replace: 'isTransaction',
    tests: ['transact-rules'],
    isFast: true,
  },
  {
    name: 'lost-is-not-applied',
    sentence: 'a lost connection counts as a refusal',
    file: DISPATCH,
    find: `request.doubts += 1;
        const why`,
    replace: 'const why',
    isFast: true,
  },
  {
    name: 'every-failure-is-not-applied',
    sentence: 'an answer that leaves the outcome open is reported as a refusal',
    file: DISPATCH,
    find: "if (effectOf(failure) === 'unknown')",
    replace: 'if (false)',
  },
  {
    name: 'on-its-way-is-not-in-doubt',
    sentence: 'a call that expires in flight is reported as not applied',
    file: REQUEST,
    find: "return this.state === 'sent' || this.doubts > 0;",
    replace: 'return this.doubts > 0;',
    isFast: true,
  },
  {
    name: 'slot-of-an-open-request',
    sentence: 'a request acknowledges another one that is still open',
    file: 'src/client/core/sessions.ts',
    find: 'this.#free.pop() ?? this.#next.length',
    replace: 'this.#next.length > 3 ? 0 : this.#free.pop() ?? this.#next.length',
  },
  {
    name: 'slot-without-an-order',
    sentence: 'a later request of a slot has the sequence of the previous one',
    file: 'src/client/core/sessions.ts',
    find: 'const sequence = this.#next[slot] ?? slot;',
    replace: 'const sequence = slot;',
    isFast: true,
  },
  {
    name: 'slots-not-given-back',
    sentence: 'a finished request keeps its slot',
    file: 'src/client/core/sessions.ts',
    find: 'this.#of(shard).open -= 1;',
    replace: ';',
    tests: ['rules'],
  },
  {
    name: 'window-without-a-bound',
    sentence: 'one shard that does not answer takes the slots of all others',
    file: 'src/client/core/sessions.ts',
    find: '&& !this.isFull(shard)',
    replace: '',
    tests: ['rules'],
  },
  {
    name: 'given-up-and-sent-again',
    sentence: 'a command that was reported as not applied is in the next copy of its batch',
    file: WRITES,
    find: 'isDropped ? NO_COMMAND : call.command',
    replace: 'call.command',
    tests: ['rules'],
  },
  {
    name: 'key-twice-in-a-batch',
    sentence: 'two commands of one batch use one key',
    file: 'src/client/core/batcher.ts',
    find: '!command.some(({ key }) => keys.has(hash(key)))',
    replace: 'true',
    isFast: true,
  },
  {
    name: 'row-twice-at-a-seam',
    sentence: 'the next page begins with the last key of the one before',
    file: 'src/client/core/range.ts',
    find: '{ from: keyBehind(last), to: range.to }',
    replace: '{ from: last, to: range.to }',
    tests: ['scan'],
  },
  {
    name: 'merge-past-what-is-known',
    sentence: 'a scan returns keys though another shard may still have smaller ones',
    file: 'src/client/core/scan.ts',
    find: 'if (at === page.length && hasMore) return undefined;',
    replace: '',
    tests: ['scan'],
    isFast: true,
  },
  {
    name: 'silence-is-waited-out',
    sentence: 'a node that hangs is never given up',
    file: 'src/client/core/core.ts',
    find: 'if (connection.silentMilliseconds >= CLIENT_LIMITS.silenceMillisecondsMax)',
    replace: 'if (false)',
    tests: ['rules'],
  },
  {
    name: 'the-same-old-map-again',
    sentence: 'only a partitioned node is asked for a newer map, for ever',
    file: 'src/client/core/map-source.ts',
    find: `if (this.#unhelpful.has(connection))
            this.#dialNext(now);`,
    replace: '',
    tests: ['old-map'],
  },
  {
    name: 'retries-without-a-budget',
    sentence: 'all waiting retries are sent at once',
    file: POLICY,
    find: 'if (this.#left < 1) return false;',
    replace: '',
    tests: ['rules'],
  },
  {
    name: 'calls-without-a-bound',
    sentence: 'calls accumulate without a bound while no node answers',
    file: 'src/client/core/open-calls.ts',
    find: 'if (isFull && this.#calls > 0) {',
    replace: 'if (false) {',
    tests: ['rules'],
  },
  {
    name: 'one-shard-answers-for-all',
    sentence: 'a call over several shards ends with the answer of the first',
    file: 'src/client/core/fan-out.ts',
    find: "progress === 'all-done' ? 0 : left - 1",
    replace: '0',
    tests: ['scan'],
    isFast: true,
  },
  {
    name: 'cursor-of-any-scan',
    sentence: 'a cursor of another range or direction is accepted for this scan',
    file: 'src/client/cursor.ts',
    find: 'if (digests[0] !== first || digests[1] !== second)',
    replace: 'if (false)',
    tests: ['cursor'],
    isFast: true,
  },
  {
    name: 'cursor-leaves-its-range',
    sentence: 'a forged cursor begins a scan outside of its range',
    file: 'src/client/cursor.ts',
    find: 'if (!isWithin(last, shape.range))',
    replace: 'if (false)',
    tests: ['cursor'],
  },
  {
    name: 'a-listener-for-each-call',
    sentence: 'many calls of one signal make it search a long list whenever one of them ends',
    file: 'src/client/signals.ts',
    find: 'listenersOf.get(signal) ?? listenTo(signal)',
    replace: 'listenTo(signal)',
    tests: ['abort'],
    isFast: true,
  },
  {
    name: 'aborted-where-it-was',
    sentence: 'an aborted call in a batch is not found there',
    file: REQUEST,
    find: 'waiter.call.request = this;',
    replace: '',
    tests: ['abort'],
  },
  {
    name: 'unreadable-page-is-over',
    sentence: 'a page whose answer cannot be read counts as delivered, and its call never ends',
    file: REQUEST,
    find: 'if (!this.#onAnswer(answer))',
    replace: 'this.isOver = true; if (!this.#onAnswer(answer))',
    tests: ['rules'],
    isFast: true,
  },
  {
    name: 'condition-becomes-none',
    sentence: 'a version that is undefined makes a write unconditional',
    file: 'src/client/space.ts',
    find: "if (ifVersion === undefined && 'ifVersion' in options)",
    replace: 'if (false)',
    tests: ['atomic'],
  },
  {
    name: 'version-of-the-first-shard',
    sentence: 'of a command over several shards each key gets the version of the first',
    file: 'src/client/space.ts',
    find: 'return versions?.[position] ?? version;',
    replace: 'return version;',
    tests: ['atomic'],
  },
  {
    name: 'blame-on-the-function',
    sentence: 'a transaction whose read is not answered blames its function',
    file: 'src/client/transaction-loop.ts',
    find: 'unanswered ?? ',
    replace: '',
    tests: ['texts'],
  },
  {
    name: 'unknown-without-asking',
    sentence: 'a transaction in doubt is reported as unknown though its home shard could say more',
    file: REQUEST,
    find: 'now >= settlesAt && this.isInDoubt',
    replace: 'false',
    tests: ['transact-rules'],
    isFast: true,
  },
  {
    name: 'one-shard-fills-a-connection',
    sentence: 'one shard without answers blocks the requests to the others of its node',
    file: 'src/client/core/connections.ts',
    find: '2 * left > (sentTo.get(shard) ?? 0)',
    replace: 'left > 0',
    tests: ['connections'],
    isFast: true,
  },
  {
    name: 'no-decision-is-an-abort',
    sentence: 'an answer that decides nothing is reported as not applied',
    file: 'src/client/core/transact-request.ts',
    find: "reply.type === 'refused' && DECIDED.includes(reply.reason)",
    replace: "reply.type === 'refused'",
    tests: ['transact-rules'],
  },
  {
    name: 'null-is-a-part',
    sentence: 'a part of a key that is null or undefined becomes a number',
    file: 'src/client/key.ts',
    find: "typeof part === 'number' && !Number.isNaN(part)",
    replace: "typeof part !== 'object' || part === null",
    tests: ['key'],
    isFast: true,
  },
  {
    name: 'surrogates-are-replaced',
    sentence: 'a lone surrogate in a key becomes the replacement character',
    file: 'src/client/key.ts',
    find: 'if (at < 0)',
    replace: 'if (true)',
    tests: ['key'],
    isFast: true,
  },
  {
    name: 'path-without-the-last-step',
    sentence: 'an unsupported value is named by the path to what holds it',
    file: 'src/wire/document.ts',
    find: 'return { ...fault, path: `[',
    replace: 'return fault.path === "" ? fault : { ...fault, path: `[',
    tests: ['document'],
    isFast: true,
  },
];

export const CLIENT_BUGS: readonly Bug[] = PLANTED.map(({ tests, isFast, ...bug }) => {
  return { ...bug, profiles: [], tests: tests ?? ['faults'], isFast: isFast ?? false };
});
