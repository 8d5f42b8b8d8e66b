/** Planted bugs in requests with many responses. */

import type { Bug, Planted } from './bug.ts';

const CHANGED = 'src/shard/changed-ranges.ts';

const OF_THE_WIRE: readonly Planted[] = [
  {
    name: 'changes-end-their-request',
    sentence: 'the first changes of a stream count as its answer',
    file: 'src/wire/response.ts',
    find: "return type !== 'changes';",
    replace: 'return true;',
  },
  {
    name: 'start-without-a-cursor',
    sentence: 'a watch that begins in the middle of its range is sent without its place in it',
    file: 'src/wire/request.ts',
    find: 'if (cursor !== undefined) END.write(into, cursor);',
    replace: 'if (cursor !== undefined) END.write(into, cursor.subarray(0, 0));',
  },
];

const OF_THE_NODE: readonly Planted[] = [
  {
    name: 'streams-take-places',
    sentence: 'an open stream takes the place of another request of its connection',
    file: 'src/node/clients.ts',
    find: 'this.streams.begin(id);',
    replace: 'this.streams.begin(id); this.outstanding += 1;',
  },
  {
    name: 'cancelled-streams-stay',
    sentence: 'a cancelled stream counts for as long as its connection is up',
    file: 'src/node/client-streams.ts',
    find: 'if (this.end(id)) this.#onCancelled(id);',
    replace: 'if (this.#open.has(id)) this.#onCancelled(id);',
  },
  {
    name: 'credit-is-a-request',
    sentence: 'credit counts as a request that is never answered',
    file: 'src/node/client-frames.ts',
    find: "return type === 'credit' ||",
    replace: 'return',
  },
  {
    name: 'one-id-for-two-streams',
    sentence: 'a stream is opened under the id of an open request',
    file: 'src/node/client-frames.ts',
    find: 'if (client.hasOpen(request.id))',
    replace: 'if (client.streams.has(request.id))',
  },
  {
    name: 'request-with-the-id-of-a-stream',
    sentence: 'the answer to another request ends a stream, which its replica never hears of',
    file: 'src/node/client-frames.ts',
    find: 'if (client.hasOpen(request.id))',
    replace: "if (request.type === 'watch' && client.hasOpen(request.id))",
  },
];

const OF_RAFT: readonly Planted[] = [
  {
    name: 'commits-wait-for-a-round',
    sentence: 'followers that serve watches learn of commits with the next round of heartbeats',
    file: 'src/raft/heartbeats.ts',
    find: 'state.ticks >= leader.announceUntil ||',
    replace: 'true ||',
  },
  {
    name: 'commits-are-announced-for-ever',
    sentence: 'a leader announces commits to followers that serve no watches any more',
    file: 'src/raft/heartbeats.ts',
    find: 'state.ticks >= leader.announceUntil ||',
    replace: '',
  },
  {
    name: 'commits-are-announced-again',
    sentence: 'a leader announces what its followers were told',
    file: 'src/raft/heartbeats.ts',
    find: 'Math.min(progress.match, state.commit) <= progress.toldCommit',
    replace: 'false',
  },
];

const OF_A_REPLICA: readonly Planted[] = [
  {
    name: 'page-repeats-its-last-key',
    sentence: 'the next page begins with the last key of the page before',
    file: 'src/shard/page-read.ts',
    find: 'this.#finish(keyBehind(this.#last))',
    replace: 'this.#finish(this.#last.slice())',
  },
  {
    name: 'page-stops-at-a-slice',
    sentence: 'a page that is not full ends its range',
    file: 'src/shard/page-read.ts',
    find: 'else this.begin();',
    replace: 'else this.#finish(undefined);',
  },
  {
    name: 'synced-behind-its-change',
    sentence: 'a synced stream skips the change that woke it',
    file: 'src/shard/streams.ts',
    find: 'stream.stream.skipTo(before);',
    replace: 'stream.stream.skipTo(this.#state.history.head);',
  },
  {
    name: 'synced-for-ever',
    sentence: 'a stream stays synced though its range has changed',
    file: 'src/shard/streams.ts',
    find: 'stream.stream.skipTo(before); stream.isSynced = false;',
    replace: 'stream.stream.skipTo(before);',
  },
  {
    name: 'missed-changes-are-skipped',
    sentence: 'a stream goes on over changes that its shard did not record',
    file: 'src/shard/streams.ts',
    find: "if (changes === 'unrecorded') { this.#hasMissed = true; return; }",
    replace: "if (changes === 'unrecorded') return;",
  },
  {
    name: 'missed-behind-the-dirty',
    sentence: 'a stream is moved over what was missed in the same turn',
    file: 'src/shard/streams.ts',
    find: 'if (this.#hasMissed) {',
    replace: 'if (this.#hasMissed && this.#changed.isEmpty) {',
  },
  {
    name: 'changes-on-their-way-are-skipped',
    sentence: 'a stream moves on over changes that it was not told of yet',
    file: 'src/shard/streams.ts',
    find: 'if (stream.isSynced && !this.#changed.isEmpty) {',
    replace: 'if (false) {',
  },
  {
    name: 'told-streams-move-back',
    sentence: 'a stream that was ahead of what it is told goes back to it',
    file: 'src/shard/streams.ts',
    find: 'if (stream.isSynced && isEarlier)',
    replace: 'if (stream.isSynced)',
  },
  {
    name: 'changes-are-found-at-once',
    sentence: 'a change looks for all its ranges when it is applied, however many there are',
    file: CHANGED,
    find: 'return this.#left > 0;',
    replace: 'return true;',
  },
  {
    name: 'all-are-told-too-late',
    sentence: 'when too many keys have changed, streams are told nothing of the first of them',
    file: CHANGED,
    find: '[this.#tellingAgain, this.#telling?.before, first, this.#keys[0]?.before]',
    replace: '[this.#keys[0]?.before]',
  },
  {
    name: 'all-are-told-anew',
    sentence: 'streams at the end are not told while too many keys change',
    file: CHANGED,
    find: 'if (this.#tellingAll === undefined)',
    replace:
      'const waits = [this.#tellingAgain, this.#tellingAll?.before];' +
      ' this.#tellingAgain = waits.reduce(earlier); ',
  },
  {
    name: 'keys-on-their-way-are-unknown',
    sentence: 'keys whose ranges were not found yet count for no range',
    file: CHANGED,
    find: 'this.#tellingAgain, this.#keys[0]?.before];',
    replace: 'this.#tellingAgain];',
  },
  {
    name: 'snapshot-is-skipped',
    sentence: 'a stream goes on over the entries that a snapshot replaced',
    file: 'src/shard/streams.ts',
    find: 'replaced() { this.#hasMissed = true;',
    replace: 'replaced() {',
  },
  {
    name: 'at-least-is-ignored',
    sentence: 'a watch begins with an older state than it asks for',
    file: 'src/shard/streams.ts',
    find: 'if (applied < atLeast) {',
    replace: 'if (false) {',
  },
  {
    name: 'progress-overtakes',
    sentence: 'a stream tells progress though it has changes to send',
    file: 'src/shard/streams.ts',
    find: 'if (!stream.isSynced) continue;',
    replace: 'stream.isSynced = true;',
  },
  {
    name: 'stale-replica-for-ever',
    sentence: 'a replica without proof of freshness keeps its streams',
    file: 'src/shard/streams.ts',
    find: 'now - this.#provenAt > silenceMilliseconds',
    replace: 'false',
  },
  {
    name: 'forced-history-is-awaited',
    sentence: 'a leader lets a stream wait for an entry that it has not committed',
    file: 'src/shard/streams.ts',
    find: 'stream.openedAt < at && wanted > index',
    replace: 'false',
  },
  {
    name: 'late-streams-wait-on',
    sentence: 'a stream waits for entries for as long as they do not come',
    file: 'src/shard/streams.ts',
    find: 'now - stream.openedAt > SHARD_LIMITS.catchUpMilliseconds',
    replace: 'false',
  },
  {
    name: 'reach-is-forgotten',
    sentence: 'a stream that waits for an index is not told when it is applied',
    file: 'src/shard/streams.ts',
    find: 'if (next <= applied) this.#schedule(stream);',
    replace: 'void 0;',
  },
  {
    name: 'grant-wakes-none',
    sentence: 'a stream that waits for credit does not go on when it gets some',
    file: 'src/shard/open-stream.ts',
    find: 'this.stream.grant(bytes); this.#server.schedule(this);',
    replace: 'this.stream.grant(bytes);',
  },
  {
    name: 'streams-in-a-silent-shard',
    sentence: 'a range is read in a shard that records no changes',
    file: 'src/shard/streams.ts',
    find: 'machine.recordUntil >= logTime',
    replace: 'true',
  },
  {
    name: 'recording-runs-out',
    sentence: 'a replica with streams lets the recording of its shard end',
    file: 'src/shard/streams.ts',
    find: "this.#state.report({ type: 'recording-due' })",
    replace: 'void 0',
  },
  {
    name: 'pages-take-all-views',
    sentence: 'the pages of one connection take any number of views',
    file: 'src/shard/open-stream.ts',
    find: 'share.ranges < rangesMax',
    replace: 'true',
  },
  {
    name: 'cancelled-streams-go-on',
    sentence: 'a cancelled stream is still told changes',
    file: 'src/shard/streams.ts',
    find: 'if (stream.isClosed) return; stream.isClosed = true;',
    replace: 'if (stream.isClosed) return;',
  },
  {
    name: 'shared-with-values',
    sentence: 'a watch without values is told what one with values is told',
    file: 'src/shard/shared-scan.ts',
    find: 'this.#range, limits.keysOnly === true, from.index',
    replace: 'this.#range, from.index',
  },
  {
    name: 'shared-from-anywhere',
    sentence: 'a watch is told what another one is told that is elsewhere',
    file: 'src/shard/shared-scan.ts',
    find: 'limits.keysOnly === true, from.index, from.sent',
    replace: 'limits.keysOnly === true, from.sent',
  },
  {
    name: 'shared-over-ranges',
    sentence: 'a watch is told the changes of another range',
    file: 'src/shard/shared-scan.ts',
    find: '[this.#range, limits',
    replace: '[limits',
  },
  {
    name: 'reach-keeps-the-last',
    sentence: 'of several indexes that a client waits for only the last is told',
    file: 'src/shard/streams.ts',
    find: 'next: Math.min(next, index)',
    replace: 'next: Math.max(next, index)',
  },
];

const OF_BARRIERS: readonly Planted[] = [
  {
    name: 'lag-of-synced-watches',
    sentence: 'a watch that has nothing to send counts as far behind',
    file: 'src/shard/streams.ts',
    find: 'if (!isSynced) lag =',
    replace: 'lag =',
  },
  {
    name: 'barriers-of-one-client',
    sentence: 'one client takes all barriers of a shard, and no other can begin a watch',
    file: 'src/shard/barriers.ts',
    find: 'if (!this.#portions.admits(share))',
    replace: 'if (this.size >= SHARD_LIMITS.barriersMax)',
  },
  {
    name: 'answered-barriers-count',
    sentence: 'answered barriers count against their client, until it can ask for none',
    file: 'src/shard/barriers.ts',
    find: 'this.#portions.remove(responder.share);',
    replace: '',
  },
  {
    name: 'barrier-of-a-gone-client-stays',
    sentence: 'a barrier whose client has gone is counted for ever',
    file: 'src/shard/barriers.ts',
    find: 'this.#reading.read({ requester: { responder: { respond }, id: 0 }, until, what });',
    replace:
      'const { share } = terms.requester.responder;' +
      ' this.#reading.read({ requester: { responder: { respond, share }, id: 0 }, until, what });',
  },
  {
    name: 'barrier-ignores-parts',
    sentence: 'a barrier does not wait for prepared parts',
    file: 'src/shard/barriers.ts',
    find: 'if (holders.size === 0) return',
    replace: 'return',
  },
  {
    name: 'barrier-waits-for-all',
    sentence: 'a barrier waits for parts that were prepared later',
    file: 'src/shard/barriers.ts',
    find: 'this.#answer(waiting.terms);',
    replace: 'this.#waitForParts(waiting.terms);',
  },
  {
    name: 'barrier-of-the-whole-shard',
    sentence: 'a barrier waits for parts outside of its range',
    file: 'src/shard/barriers.ts',
    find: 'within(terms.from, terms.to)',
    replace: 'within(new Uint8Array(), new Uint8Array())',
  },
  {
    name: 'barrier-after-the-first-part',
    sentence: 'a barrier waits for one of several parts',
    file: 'src/shard/barriers.ts',
    find: 'if (waiting.holders.size > 0) continue;',
    replace: '',
  },
  {
    name: 'barrier-without-a-round',
    sentence: 'a barrier is answered without a ReadIndex round',
    file: 'src/shard/barriers.ts',
    find: 'this.#record(terms); else this.#confirm(terms);',
    replace: 'this.#record(terms); else this.#waitForParts(terms);',
  },
  {
    name: 'barrier-records-late',
    sentence: 'a recording is lengthened only when it is over',
    file: 'src/shard/barriers.ts',
    find: 'SHARD_LIMITS.recordMilliseconds / 2;',
    replace: '0;',
  },
  {
    name: 'barrier-records-for-each',
    sentence: 'each barrier proposes an entry of its own',
    file: 'src/shard/barriers.ts',
    find: 'if (this.#recording.length > 1) return;',
    replace: '',
  },
  {
    name: 'barrier-asks-after-no-holder',
    sentence: 'a barrier waits for a part and asks after no holder',
    file: 'src/shard/barriers.ts',
    find: 'this.#proposing.waitFor(holder, false);',
    replace: '',
  },
  {
    name: 'barrier-waits-for-ever',
    sentence: 'a barrier waits longer than its requester',
    file: 'src/shard/barriers.ts',
    find: 'this.#deadlines.takeDue(this.#state.now)',
    replace: '[]',
  },
];

const OF_THE_ROUTER: readonly Planted[] = [
  {
    name: 'barrier-at-the-catalog',
    sentence: 'a barrier writes an entry into the log of the catalog that stops its replicas',
    file: 'src/node/router.ts',
    find: `if (shard === CATALOG_SHARD || isEmpty(from, to)) return this.fail(asked, 'malformed');
      const replica = this.leaderHere(shard);`,
    replace: 'const replica = this.leaderHere(shard);',
  },
  {
    name: 'watch-by-an-old-map',
    sentence: 'a watch of a former epoch of its shard is served',
    file: 'src/node/router.ts',
    find: 'replica !== undefined && this.rowOf(shard)?.epoch === epoch',
    replace: 'replica !== undefined',
  },
  {
    name: 'streams-without-a-bound',
    sentence: 'the streams of a node take any amount of memory',
    file: 'src/node/router.ts',
    find: '!streams.admits(from.length + to.length)',
    replace: 'false',
  },
];

export const STREAM_BUGS: readonly Bug[] = [
  ...OF_THE_WIRE.map((bug) => {
    return { profiles: [], tests: ['watch-frames', 'client-frames'], isFast: false, ...bug };
  }),
  ...OF_THE_NODE.map((bug) => {
    return { profiles: [], tests: ['clients', 'client-frames'], isFast: false, ...bug };
  }),
  ...OF_RAFT.map((bug) => ({ profiles: ['lite'], isFast: false, ...bug })),
  ...OF_A_REPLICA.map((bug) => {
    return {
      profiles: [],
      tests: ['streams', 'follower-streams', 'changed-ranges'],
      isFast: false,
      ...bug,
    };
  }),
  ...OF_THE_ROUTER.map((bug) => {
    return { profiles: [], tests: ['router'], isFast: false, ...bug };
  }),
  ...OF_BARRIERS.map((bug) => {
    return { profiles: [], tests: ['barriers'], isFast: false, ...bug };
  }),
];
