/** The limits of one client, and how they stand to those of others. */

import { assert } from './assert.ts';
import { MACHINE_LIMITS, REQUEST_LIMITS } from './limits.ts';
import { TRANSPORT_LIMITS } from './transport-limits.ts';

const KIB = 1024;
const MIB = 1024 * 1024;

/** What one client asks at once, how long it waits and how often it asks again. */
export const CLIENT_LIMITS = {
  timeoutMillisecondsDefault: 10_000,
  /** A minute below what a machine takes, for what the client may be wrong about its time. */
  timeoutMillisecondsMax: 4 * 60 * 1000,
  /** For so long a shard's log time is counted on after it was heard. */
  logTimeMilliseconds: 30_000,
  /** Calls that wait, and what they weigh; one more is refused at once. */
  callsMax: 65_536,
  callBytesMax: 64 * MIB,
  /** What one batch or read gathers; a single larger command travels alone. */
  batchBytesMax: 512 * KIB,
  readKeysMax: 1024,
  /** Requests that write and are open in one shard; each takes a slot of the client. */
  windowRequestsMax: 2048,
  /** Requests on their way on one connection. */
  sentRequestsMax: 4000,
  sentBytesMax: 16 * MIB,
  /** One frame of requests. */
  frameBytesMax: TRANSPORT_LIMITS.clientFrameBytesMax,
  /** Between attempts; doubles up to the maximum, less a random part of up to a half. */
  restMillisecondsMin: 20,
  restMillisecondsMax: 1000,
  /** The same where a transaction was in the way: it will soon be decided. */
  contentionMillisecondsMin: 4,
  contentionMillisecondsMax: 128,
  redialMillisecondsMin: 50,
  redialMillisecondsMax: 2000,
  /** A dial that is not up by then has failed. */
  dialMilliseconds: 3000,
  /** How long a first contact is tried before another url is tried beside it. */
  nextDialMilliseconds: 300,
  /** Retries that may leave at once, and how many more each second and each success allows. */
  retriesMax: 1024,
  retriesPerSecond: 256,
  retriesPerSuccess: 0.1,
  /** Hints of who leads that are followed at once, in a row. */
  hopsMax: 3,
  /** Answers in all that cannot be read; with so many the call fails instead of asking again. */
  brokenAnswersMax: 3,
  /** Attempts that are told to people. */
  attemptsKept: 8,
  contendedKeysKept: 4,
  /**
   * What is kept of the time of a transaction over several shards, a quarter of it at most, to ask
   * its home shard what became of it while that is not known.
   */
  settleMilliseconds: 300,
  /** Times that a transaction is run until it comes to something, if its time allows it. */
  transactionRunsMax: 1024,
  /** Runs of a transaction that came to nothing before what it reads is reserved for it. */
  runsUnprotected: 4,
  /** Rounds of reading keys of several shards at one moment before they are locked for it. */
  jointReadRounds: 4,
  /** A node that owes an answer and says nothing is asked for a sign of life, and then given up. */
  silenceMilliseconds: 1000,
  silenceMillisecondsMax: 2500,
  /** Between two requests for the map. */
  mapMilliseconds: 50,
  /** Rows of one page of one shard. */
  pageRowsMax: 256,
  tickMilliseconds: 10,
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
assert(CLIENT_LIMITS.sentRequestsMax <= REQUEST_LIMITS.requestsMax, 'requests fit a frame');
assert(
  CLIENT_LIMITS.windowRequestsMax * 3 < CLIENT_LIMITS.sentRequestsMax * 2,
  'the window of one shard is within its share of a connection',
);
