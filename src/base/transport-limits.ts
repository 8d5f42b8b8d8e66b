/** The bounds of sockets: deadlines, what may wait in them, and how many there are. */

import { assert } from './assert.ts';
import { RAFT_LIMITS, STATE_LIMITS, WIRE_LIMITS } from './limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sockets of one node: to peers, two each, and to clients. */
export const TRANSPORT_LIMITS = {
  /** From the first packet of a socket to the hello that it brings. */
  helloMilliseconds: 3000,
  /** How long a process that ends leaves the other sides to take in why. */
  farewellMilliseconds: 300,
  /** A shorter secret of a cluster could be guessed from one proof of it. */
  secretBytesMin: 16,
  /** Both sides ping this often, and whoever is not heard for so long is gone. */
  peerPingMilliseconds: 1000,
  peerSilenceMilliseconds: 5000,
  clientPingMilliseconds: 5000,
  clientSilenceMilliseconds: 15_000,
  /** How often deadlines are looked at. */
  sweepMilliseconds: 100,
  /** Between two attempts to dial; doubles up to the maximum, less up to a half at random. */
  redialMillisecondsMin: 100,
  redialMillisecondsMax: 2000,
  /** How long the larger node id leaves dialling to the smaller one. */
  courtesyMilliseconds: 500,
  /** What may wait in a socket for the network. A socket with nothing waiting takes any frame. */
  mainBytesMax: 16 * MIB,
  bulkBytesMax: 10 * MIB,
  clientBytesMax: 48 * MIB,
  /** Frames to a peer that are no larger travel whole; of larger ones the lane carries pieces. */
  pieceBytesMax: 8 * KIB,
  /** What may be on its way over one lane: it begins with this, and follows the path. */
  windowBytesStart: 32 * KIB,
  windowBytesMin: 8 * KIB,
  windowBytesMax: 8 * MIB,
  /** How long a heartbeat may wait behind it: half of the shortest election timeout. */
  queueMilliseconds: 100,
  /** The fastest answer of a path is forgotten after one to two of these. */
  windowStretchMilliseconds: 10_000,
  /** A lane that sends nothing for this long counts on half of what it knew. */
  windowIdleMilliseconds: 1000,
  /** Pieces of frames from one peer that wait for the last one. */
  piecesBytesMax: 52 * MIB,
  /** A frame of a client: the largest entry, and what stands around it. */
  clientFrameBytesMax: 18 * MIB,
  /** What may have come of frames whose end has not, over all clients, and over all peers. */
  clientsUnfinishedBytesMax: 128 * MIB,
  peersUnfinishedBytesMax: 256 * MIB,
  /** A frame that has begun to come goes on by so much in so long, or its socket is closed. */
  frameProgressMilliseconds: 10_000,
  frameProgressBytes: 128 * KIB,
  /** Connected clients; fewer where the system allows few open files. */
  connectionsMax: 10_000,
  /** Sockets that have asked for nothing yet, or for something plain. */
  plainMax: 1024,
  /** Sockets at a door whose hello, or its proof, has not come. */
  visitorsMax: 1024,
  /** At the port for health alone. */
  healthConnectionsMax: 32,
  /** Pieces of one frame: our own frames are never in pieces. */
  fragmentsMax: 64,
  /** Chunks of a frame as the network brings them: the largest frame in ordinary packets. */
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
  STATE_LIMITS.exportsMax * (RAFT_LIMITS.chunkWindowBytesMax + RAFT_LIMITS.chunkBytesMax) <=
    TRANSPORT_LIMITS.bulkBytesMax,
  'the chunks that may be on their way to one peer fit its socket',
);
assert(
  TRANSPORT_LIMITS.queueMilliseconds * 2 <=
    RAFT_LIMITS.electionTicksMin * RAFT_LIMITS.tickMilliseconds,
  'a heartbeat that waits for what is on its way comes before the shortest timeout',
);
assert(WIRE_LIMITS.frameBytesMax / 1024 < TRANSPORT_LIMITS.chunksMax, 'packets of a frame fit');
