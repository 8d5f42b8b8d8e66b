/** The limits of one client, and their relations to other limits. */

import { assert } from '../base/assert.ts';
import { MACHINE_LIMITS, REQUEST_LIMITS } from '../base/limits.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';

const KIB = 1024;
const MIB = 1024 * 1024;

/** Open calls of one client, its timeouts and its retries. */
export const CLIENT_LIMITS = {
  timeoutMillisecondsDefault: 10_000,
  /** A minute less than the machine accepts, for the error of the client's estimate of log time. */
  timeoutMillisecondsMax: 4 * 60 * 1000,
  /** How long a client extrapolates a shard's log time after hearing it. */
  logTimeMilliseconds: 30_000,
  /** Waiting calls, and their size; a further one is refused immediately. */
  callsMax: 65_536,
  callBytesMax: 64 * MIB,
  /** The size of one batch or read; a single larger command travels alone. */
  batchBytesMax: 512 * KIB,
  /** Of the batches that are begun for a shard in one turn, those that a call may still join. */
  openBatchesMax: 4,
  readKeysMax: 1024,
  /** Open write requests in one shard; each takes a slot of the client. */
  windowRequestsMax: 2048,
  /** Requests in flight on one connection. */
  sentRequestsMax: 4000,
  sentBytesMax: 16 * MIB,
  /** Requests on one connection that wait for locks; further ones wait for their turn. */
  sentAwaitsMax: 1024,
  /** One frame of requests. */
  frameBytesMax: TRANSPORT_LIMITS.clientFrameBytesMax,
  /** Backoff between attempts; doubles up to the maximum, less a random part of up to a half. */
  restMillisecondsMin: 20,
  restMillisecondsMax: 1000,
  /** The same after a conflict with a transaction, which will be decided soon. */
  contentionMillisecondsMin: 4,
  contentionMillisecondsMax: 128,
  redialMillisecondsMin: 50,
  redialMillisecondsMax: 2000,
  /** A connection that a limit refused is dialled again as after so many failures. */
  limitedDialFailures: 6,
  /** A dial that takes longer has failed. */
  dialMilliseconds: 3000,
  /** How long the first url is tried before another one is tried in parallel. */
  nextDialMilliseconds: 300,
  /** Retries that may be sent at once, and how many more each second and each success allows. */
  retriesMax: 1024,
  retriesPerSecond: 256,
  retriesPerSuccess: 0.1,
  /** Leader hints that are followed immediately, in a row. */
  hopsMax: 3,
  /** Undecodable answers in total; with so many the call fails instead of retrying. */
  brokenAnswersMax: 3,
  /** Attempts that an error reports. */
  attemptsKept: 8,
  contendedKeysKept: 4,
  /**
   * The part of a transaction's time, a quarter of it at most, that is reserved to ask its home
   * shard for the outcome while that is unknown.
   */
  settleMilliseconds: 300,
  /** Runs of a transaction until it commits, if its time allows it. */
  transactionRunsMax: 1024,
  /** Failed runs of a transaction before its reads are reserved. */
  runsUnprotected: 4,
  /** Rounds of reading keys of several shards at one moment before the transaction locks them. */
  jointReadRounds: 4,
  /** A node that owes an answer and is silent is pinged after this, and then given up. */
  silenceMilliseconds: 1000,
  silenceMillisecondsMax: 2500,
  /** Between two requests for the map. */
  mapMilliseconds: 50,
  /** Rows of one page from one shard. */
  pageRowsMax: 256,
  /** The keys that `clear` deletes at once. */
  clearKeysMax: 1024,
  clearBytesMax: 256 * KIB,
  /** What may wait for the consumer of a watch, of all its shards, and of one at least. */
  watchBufferBytesMin: 16 * KIB,
  watchBufferBytesMax: WATCH_LIMITS.creditBytesMax,
  watchBufferBytesDefault: MIB,
  watchShareBytesMin: 16 * KIB,
  /** Streams of all watches of one client. */
  watchedShardsMax: 65_536,
  /** Calls of `sync` that wait at one watch. */
  syncsMax: 1024,
  /** Keys whose versions one watch remembers, to tell only differences after a re-read. */
  trackedKeysMax: 1_048_576,
  trackedBytesMax: 64 * MIB,
  /** Reads of a range that were overtaken by the history, in a row, before the watch fails. */
  unfinishedReadsMax: 3,
  /** Messages in a row that do not continue where the client is, before the watch fails. */
  refusedMessagesMax: 8,
  /** A buffer that stays full for so long is told to the consumer. */
  lagMilliseconds: 1000,
  /** How often streams are checked for silence. */
  silenceCheckMilliseconds: 250,
  /** What is on its way to a view: it takes all at once, so no page need wait for the last one. */
  viewBufferBytes: 16 * MIB,
  /** What a view holds, unless it is asked for more or less. */
  viewBytesDefault: 256 * MIB,
  /** Changes that wait for one consumer of `view.changes()`. */
  viewChangesMax: 65_536,
  tickMilliseconds: 10,
  /** While no call and no request is open, and only leases or watches are. */
  calmTickMilliseconds: 50,
} as const;

assert(
  CLIENT_LIMITS.timeoutMillisecondsMax + 2 * CLIENT_LIMITS.logTimeMilliseconds <=
    MACHINE_LIMITS.timeoutMillisecondsMax,
  'a deadline is not too far, though the clock of the client run twice as fast',
);
assert(
  CLIENT_LIMITS.settleMilliseconds > 2 * CLIENT_LIMITS.restMillisecondsMin,
  'a question that is lost can be asked again',
);
assert(
  CLIENT_LIMITS.windowRequestsMax * 8 <= MACHINE_LIMITS.sessionSlots,
  'a shard that does not answer leaves slots to the others',
);
assert(
  CLIENT_LIMITS.batchBytesMax * 2 <= CLIENT_LIMITS.sentBytesMax &&
    CLIENT_LIMITS.sentBytesMax <= CLIENT_LIMITS.callBytesMax,
  'batches fit a connection',
);
assert(CLIENT_LIMITS.readKeysMax <= REQUEST_LIMITS.keysMax, 'a read can be asked');
assert(CLIENT_LIMITS.pageRowsMax <= REQUEST_LIMITS.rowsMax, 'a page can be asked');
assert(
  CLIENT_LIMITS.clearKeysMax * 8 <= CLIENT_LIMITS.callsMax &&
    CLIENT_LIMITS.clearBytesMax * 8 <= CLIENT_LIMITS.callBytesMax,
  'clearing leaves room for other calls',
);
assert(CLIENT_LIMITS.sentRequestsMax <= REQUEST_LIMITS.requestsMax, 'requests fit a frame');
assert(
  CLIENT_LIMITS.windowRequestsMax * 3 < CLIENT_LIMITS.sentRequestsMax * 2,
  'the window of one shard is within its share of a connection',
);
assert(
  CLIENT_LIMITS.watchShareBytesMin <= CLIENT_LIMITS.watchBufferBytesMin,
  'the buffer of a watch of one shard is its share',
);
assert(
  CLIENT_LIMITS.silenceCheckMilliseconds * 8 <= WATCH_LIMITS.silenceMilliseconds,
  'silence is noticed soon after it is too long',
);
