/** Planted bugs in the client's side of watches. */

import type { Bug, Planted } from './bug.ts';

const CREDIT = 'src/client/core/streams/credit.ts';
const SHARED = 'src/client/core/streams/shared-stream.ts';
const READER = 'src/client/core/streams/stream-reader.ts';
const STREAMS = 'src/client/core/streams/watch-streams.ts';
const TRACKED = 'src/client/core/streams/tracked-keys.ts';
const WATCH = 'src/client/core/streams/open-watch.ts';
const QUEUE = 'src/client/core/streams/watch-queue.ts';

const OF_STREAMS: readonly Planted[] = [
  {
    name: 'client-trusts-order',
    sentence: 'a message is taken wherever the client is',
    file: READER,
    find: 'after !== this.index || through < after',
    replace: 'through < after',
  },
  {
    name: 'half-an-entry-yielded',
    sentence: 'a part of an entry is told before the entry is complete',
    file: READER,
    find: 'if (message.through === message.after)',
    replace: 'if (false)',
  },
  {
    name: 'parts-survive-their-stream',
    sentence: 'parts of an entry are kept for another stream, which sends them again',
    file: READER,
    find: 'begin() {\n        this.#parts = NONE;',
    replace: 'begin() {',
  },
  {
    name: 'messages-are-not-counted',
    sentence: 'a lost part of an entry or page of a quiet shard is not missed',
    file: 'src/client/core/streams/watches.ts',
    find: 'stream.isNext(message.sequence) ? reader.take(message) : OUT_OF_ORDER',
    replace: 'reader.take(message)',
  },
  {
    name: 'skipped-for-ever',
    sentence: 'changes that a token counts are skipped behind each of its messages',
    file: READER,
    find: 'this.#skip -= skipped;',
    replace: '',
  },
  {
    name: 'silence-is-patience',
    sentence: 'a stream that is silent is waited for',
    file: STREAMS,
    find: 'stream.silentMilliseconds += passed;',
    replace: '',
  },
  {
    name: 'credit-of-parts-is-kept',
    sentence: 'what is kept back of an entry takes the credit for the rest of it',
    file: CREDIT,
    find: 'const free = backlog.room - this.#left;',
    replace: 'const free = backlog.room - this.#left - this.#parts;',
  },
  {
    name: 'parts-are-not-counted',
    sentence: 'an entry that came in parts counts as its last part while it waits',
    file: CREDIT,
    find: 'const whole = this.#parts + bytes;',
    replace: 'const whole = bytes;',
  },
  {
    name: 'credit-counted-twice',
    sentence: 'a node is granted more than its consumer has room for',
    file: CREDIT,
    find: 'const free = backlog.room - this.#left;',
    replace: 'const free = backlog.share - this.#left;',
  },
  {
    name: 'one-replica-speaks-for-all',
    sentence: 'what one replica has forgotten is not looked for at others',
    file: 'src/client/core/streams/replica-choice.ts',
    find: 'return this.#isSearching && nodes.every((node) => this.#hasTried(node));',
    replace: 'return this.#isSearching;',
  },
];

const OF_SHARING: readonly Planted[] = [
  {
    name: 'streams-are-not-shared',
    sentence: 'a watch has a stream of its own, though an equal one is open',
    file: STREAMS,
    find: 'if (shared !== undefined)',
    replace: 'if (false)',
  },
  {
    name: 'streams-never-meet',
    sentence: 'two streams that have come to one position go on side by side',
    file: STREAMS,
    find: 'if (other !== undefined)',
    replace: 'if (false)',
  },
  {
    name: 'merged-at-one-index',
    sentence: 'streams are merged that are not at the same place',
    file: READER,
    find: 'return isSame && this.isRead && other.isRead;',
    replace: 'return true;',
  },
  {
    name: 'merged-before-what-is-skipped',
    sentence: 'a watch joins a stream before it has skipped what its token counts',
    file: READER,
    find: 'if (this.#skip > 0 || other.#skip > 0)',
    replace: 'if (false)',
  },
  {
    name: 'parts-go-with-their-watch',
    sentence: 'the first watch of a stream takes the parts of an entry away with it',
    file: SHARED,
    find: 'if (seat === 0)',
    replace: 'if (false)',
  },
  {
    name: 'slow-watch-stays',
    sentence: 'a watch whose buffer is full stays at the stream of a faster one',
    file: STREAMS,
    find: 'if (one === undefined || !one.backlog.isFull)',
    replace: 'if (true)',
  },
  {
    name: 'joined-without-credit',
    sentence: 'a watch joins a stream that its node sends nothing on, and asks for nothing',
    file: STREAMS,
    find: 'return this.#extend(one, shared, now);',
    replace: 'return;',
  },
  {
    name: 'credit-for-the-slow',
    sentence: 'what is granted for a fast watch is put into the full buffer of a slow one as well',
    file: STREAMS,
    find: 'this.#grant(stream, granted);\n        this.#shed(stream, now);',
    replace: 'this.#grant(stream, granted);',
  },
  {
    name: 'merged-with-the-slow',
    sentence: 'what is granted on streams that are merged is put into full buffers as well',
    file: STREAMS,
    find: 'this.#shed(into, now);',
    replace: '',
  },
  {
    name: 'read-of-an-older-state',
    sentence: 'a watch that reads again joins a read of a state before the one it was told',
    file: SHARED,
    find: 'return isLateEnough && ',
    replace: 'return ',
  },
  {
    name: 'read-again-as-at-first',
    sentence: 'a watch that was told something reads again as if it had been told nothing',
    file: WATCH,
    find: 'this.#readsAgain = true;',
    replace: '',
  },
  {
    name: 'first-reads-apart',
    sentence: 'a first read is shared only by those with its barrier',
    file: WATCH,
    find: 'return this.#readsAgain ? (this.barrier ?? 0) : 0;',
    replace: 'return this.barrier ?? 0;',
  },
  {
    name: 'slowest-watch-counts',
    sentence: 'a stream waits for the slowest of its watches',
    file: SHARED,
    find: 'granted += this.credit.grantFor(backlog);',
    replace: [
      'granted = this.members.every((one) => one.backlog.isHalfFree)',
      '? granted + this.credit.grantFor(backlog) : granted;',
    ].join(' '),
  },
];

const OF_EVENTS: readonly Planted[] = [
  {
    name: 'synced-without-barrier',
    sentence: 'a watch counts as synced without what was acknowledged before it',
    file: WATCH,
    find: 'return this.barrier !== undefined && this.hasReached(this.barrier);',
    replace: 'return this.reader.isRead;',
  },
  {
    name: 'sync-of-one-shard',
    sentence: 'a sync ends as soon as one shard has reached its index',
    file: WATCH,
    find: 'const isReached = shards.every(',
    replace: 'const isReached = shards.some(',
  },
  {
    name: 'token-of-what-was-received',
    sentence: 'a token names what waits for the consumer as well',
    file: QUEUE,
    find: "this.#add({ type: 'changes', fact, at: 0 });",
    replace: [
      'if (fact.through !== undefined) this.#marks[fact.place] = fact.through;',
      "this.#add({ type: 'changes', fact, at: 0 });",
    ].join(' '),
  },
  {
    name: 'token-behind-its-message',
    sentence: 'a token in the middle of a message begins with the whole of it again',
    file: QUEUE,
    find: 'skip: before.skip + at + 1',
    replace: 'skip: before.skip',
  },
  {
    name: 'token-of-a-re-read',
    sentence: 'a token in the middle of a re-read names the position that was lost',
    file: QUEUE,
    find: 'if (isMeant && this.#marks[at] !== undefined)',
    replace: 'if (false)',
  },
  {
    name: 'token-of-another-cluster',
    sentence: 'a token of another cluster is taken',
    file: 'src/client/core/streams/resume-point.ts',
    find: 'if (cluster[0] !== first || cluster[1] !== second)',
    replace: 'if (false)',
  },
  {
    name: 'gone-keys-not-told',
    sentence: 'a re-read does not tell of keys that are gone',
    file: TRACKED,
    find: 'gone.push(goneKey(expected, previous));',
    replace: '',
  },
  {
    name: 'differences-by-version',
    sentence: 'a re-read tells no row that is older than one that was told',
    file: TRACKED,
    find: 'if (previous === row.version)',
    replace:
      'if (previous === row.version || row.version < Math.max(0, ...this.#versions.values()))',
  },
  {
    name: 'differences-without-versions',
    sentence: 'a re-read of more keys than are remembered goes on as if all were',
    file: WATCH,
    find: "return this.shards.some((shard) => shard.tellsDifferences) ? 'too-many-keys' : told;",
    replace: 'return told;',
  },
];

const OF_THE_LIBRARY: readonly Planted[] = [
  {
    name: 'token-of-another-range',
    sentence: 'a token of another range is taken',
    file: 'src/client/token.ts',
    find: 'if (range[0] !== first || range[1] !== second)',
    replace: 'if (false)',
  },
  {
    name: 'loop-returns-no-credit',
    sentence: 'what the loop has taken is not granted again',
    file: 'src/client/watch-subscription.ts',
    find: 'this.#engine.takeWatched(this.#call, consumed);',
    replace: '',
  },
  {
    name: 'portions-beyond-the-share',
    sentence: 'what the loop has taken is returned when it is more than a node may send',
    file: 'src/client/watch-subscription.ts',
    find: 'CLIENT_LIMITS.watchShareBytesMin / 16',
    replace: 'CLIENT_LIMITS.watchShareBytesMin * 16',
  },
  {
    name: 'token-covers-what-failed',
    sentence: 'a token covers a change whose value could not be decoded',
    file: 'src/client/watching.ts',
    find: "if (!('error' in event))",
    replace: '',
  },
  {
    name: 'token-behind-is-no-other',
    sentence: 'the token behind a change that could not be decoded begins with it again',
    file: QUEUE,
    find: 'this.#pointWith(item.fact.place, markBehind(item))',
    replace: 'this.point',
  },
  {
    name: 'watch-outlives-its-loop',
    sentence: 'leaving the loop does not end the watch',
    file: 'src/client/watching.ts',
    find: 'return() {\n        this.#end();',
    replace: 'return() {',
  },
  {
    name: 'view-forgets-no-key',
    sentence: 'a deleted key stays in a view',
    file: 'src/client/viewing.ts',
    find: 'this.#bytes -= this.#rows.get(name)?.bytes ?? 0;\n        this.#rows.delete(name);',
    replace: '',
  },
  {
    name: 'view-of-any-size',
    sentence: 'the limit of a view is not looked at',
    file: 'src/client/viewing.ts',
    find: 'if (this.#bytes > this.#bytesMax)',
    replace: 'if (false)',
  },
];

const TESTS: readonly string[] = [
  'streams/stream-reader',
  'streams/credit',
  'streams/replica-choice',
  'streams/tracked-keys',
  'streams/watch-queue',
  'streams/open-watch',
  'streams/sharing',
  'streams/resume-point',
  'watch-random',
];

const OF_ARGUMENTS: readonly Planted[] = [
  {
    name: 'unknown-options-are-ignored',
    sentence: 'an option with a mistyped name is an option that is not there',
    file: 'src/client/option-checks.ts',
    find: 'if (!Object.hasOwn(checks, name))',
    replace: 'if (false)',
  },
  {
    name: 'signals-of-any-kind',
    sentence: 'an object that is no signal is listened to',
    file: 'src/client/option-checks.ts',
    find: 'return isSignal(value) ? undefined : `an AbortSignal',
    replace: 'return value ? undefined : `an AbortSignal',
  },
  {
    name: 'empty-end-is-open',
    sentence: 'a range that ends before all keys has all keys',
    file: 'src/client/range-options.ts',
    find: 'return end.length === 0 ? NO_KEYS : ',
    replace: 'return ',
  },
  {
    name: 'watch-of-no-keys',
    sentence: 'a watch of a range without keys is sent to the nodes',
    file: 'src/client/watch-subscription.ts',
    find: 'if (to.length > 0 && compareBytes(from, to) >= 0)',
    replace: 'if (false)',
  },
];

export const WATCH_BUGS: readonly Bug[] = [
  ...OF_ARGUMENTS.map((bug) => {
    return { profiles: [], tests: ['option-checks'], isFast: false, ...bug };
  }),
  ...[...OF_STREAMS, ...OF_SHARING, ...OF_EVENTS].map((bug) => {
    return { profiles: [], tests: TESTS, isFast: false, ...bug };
  }),
  ...OF_THE_LIBRARY.map((bug) => {
    return { profiles: [], tests: ['token', 'watch', 'watch-undecoded'], isFast: false, ...bug };
  }),
];
