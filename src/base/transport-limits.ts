/** The limits of sockets: deadlines, waiting bytes, and their number. */

import { assert } from './assert.ts';
import { RAFT_LIMITS, WIRE_LIMITS } from './limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sockets of one node: to peers, two each, and to clients. */
export const TRANSPORT_LIMITS = {
  /** From the first packet of a socket to its hello. */
  helloMilliseconds: 3000,
  /** How long an ending process leaves the other sides to read the close reason. */
  closeMilliseconds: 300,
  /** A shorter cluster secret could be guessed from one proof of it. */
  secretBytesMin: 16,
  /** Both sides ping this often, and a side that is not heard for this long counts as gone. */
  peerPingMilliseconds: 1000,
  peerSilenceMilliseconds: 5000,
  clientPingMilliseconds: 5000,
  clientSilenceMilliseconds: 15_000,
  /** How often deadlines are checked. */
  sweepMilliseconds: 100,
  /** Between two attempts to dial; doubles up to the maximum, less up to a half at random. */
  redialMillisecondsMin: 100,
  redialMillisecondsMax: 2000,
  /** How long the node with the larger id leaves dialling to the other one. */
  courtesyMilliseconds: 500,
  /** Bytes that may wait in a socket for the network. An empty socket takes any frame. */
  mainBytesMax: 16 * MIB,
  bulkBytesMax: 10 * MIB,
  clientBytesMax: 48 * MIB,
  /**
   * Frames to a peer up to this size travel whole; larger ones are cut into pieces. Those of a
   * window that has grown are longer.
   */
  pieceBytesMax: 8 * KIB,
  /** Bytes in flight on one lane: starts with this, and follows the path. */
  windowBytesStart: 32 * KIB,
  windowBytesMin: 8 * KIB,
  windowBytesMax: 8 * MIB,
  /** How long a heartbeat may wait behind them: half of the shortest election timeout. */
  queueMilliseconds: 100,
  /** The shortest round trip of a path is forgotten after one to two of these. */
  windowStretchMilliseconds: 10_000,
  /** A lane that sends nothing for this long halves its window. */
  windowIdleMilliseconds: 1000,
  /** Pieces of frames from one peer that wait for their last piece. */
  piecesBytesMax: 52 * MIB,
  /** A frame of a client: the largest entry, and the fields around it. */
  clientFrameBytesMax: 18 * MIB,
  /** Incomplete frames, over all clients, and over all peers. */
  clientsUnfinishedBytesMax: 128 * MIB,
  peersUnfinishedBytesMax: 256 * MIB,
  /** An incomplete frame must progress by this much in this time, or its socket is closed. */
  frameProgressMilliseconds: 10_000,
  frameProgressBytes: 128 * KIB,
  /** Connected clients; fewer where the system allows few open files. */
  connectionsMax: 10_000,
  /** Sockets without a request, or with a plain HTTP request. */
  plainMax: 1024,
  /** Accepted sockets whose hello, or its proof, has not arrived. */
  visitorsMax: 1024,
  /** At the port for health alone. */
  healthConnectionsMax: 32,
  /** WebSocket fragments of one frame: our own frames are never fragmented. */
  fragmentsMax: 64,
  /** Chunks of a frame as the network delivers them: the largest frame in ordinary packets. */
  chunksMax: 64 * KIB,
} as const;

export type TransportLimits = { readonly [name in keyof typeof TRANSPORT_LIMITS]: number };

/** Asserted for the defaults and for whatever a test makes of them. */
export function assertTransportLimits(limits: TransportLimits): void {
  for (const value of Object.values(limits)) assert(value > 0, 'every limit is above zero');
  assert(
    limits.peerPingMilliseconds * 3 <= limits.peerSilenceMilliseconds &&
      limits.clientPingMilliseconds * 3 <= limits.clientSilenceMilliseconds,
    'three pings fit a silence',
  );
  assert(limits.sweepMilliseconds * 2 <= limits.peerPingMilliseconds, 'pings leave in time');
  assert(limits.redialMillisecondsMin <= limits.redialMillisecondsMax, 'attempts get rarer');
  assert(
    limits.windowBytesMin <= limits.windowBytesStart &&
      limits.windowBytesStart <= limits.windowBytesMax,
    'a window begins within its bounds',
  );
  assert(limits.pieceBytesMax <= limits.windowBytesMin, 'a piece fits the smallest window');
  assert(
    limits.piecesBytesMax >= limits.mainBytesMax + WIRE_LIMITS.frameBytesMax,
    'all that may wait at a sender may wait in pieces at the receiver',
  );
}

assertTransportLimits(TRANSPORT_LIMITS);
assert(
  TRANSPORT_LIMITS.clientFrameBytesMax >= WIRE_LIMITS.payloadBytesMax + MIB / 2 &&
    TRANSPORT_LIMITS.clientFrameBytesMax <= WIRE_LIMITS.frameBytesMax,
  'the largest command fits a frame of a client',
);
assert(
  TRANSPORT_LIMITS.clientsUnfinishedBytesMax >= 4 * TRANSPORT_LIMITS.clientFrameBytesMax &&
    TRANSPORT_LIMITS.peersUnfinishedBytesMax >= 4 * WIRE_LIMITS.frameBytesMax,
  'several large frames may come at the same time',
);
assert(
  TRANSPORT_LIMITS.queueMilliseconds * 2 <=
    RAFT_LIMITS.electionTicksMin * RAFT_LIMITS.tickMilliseconds,
  'a heartbeat that waits for what is on its way comes before the shortest timeout',
);
assert(WIRE_LIMITS.frameBytesMax / 1024 < TRANSPORT_LIMITS.chunksMax, 'packets of a frame fit');
