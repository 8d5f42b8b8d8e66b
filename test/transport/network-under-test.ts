/** A network for the contract of the transport: the operations of both kinds of sockets. */

import assert from 'node:assert/strict';
import type { NodeId } from '../../src/base/ids.ts';
import { type Lineage, lifeOf } from '../../src/base/life.ts';
import { Random } from '../../src/base/random.ts';
import { TRANSPORT_LIMITS, type TransportLimits } from '../../src/base/transport-limits.ts';
import type { Schedule, Sockets } from '../../src/transport/sockets.ts';
import { Switchboard } from '../../src/transport/switchboard.ts';
import type { Lane } from '../../src/wire/hello.ts';
import { Recorder } from './recorder.ts';

/** The sockets of one process, and its address. */
export interface Place {
  readonly url: string;
  readonly sockets: Sockets;
  /** The process is gone without closing its sockets. */
  readonly crash: () => Promise<void>;
}

export interface NetworkUnderTest {
  readonly schedule: Schedule;
  /** Its sockets have TLS, and all places the certificate of one node. */
  readonly isCertified?: boolean;
  /** A new place, or the place of a process that is gone. */
  readonly place: (url?: string) => Promise<Place>;
  readonly pass: (milliseconds: number) => Promise<void>;
  /** Nothing passes, no side reads, and no side gets an event. */
  readonly stall: () => void;
  readonly resume: () => void;
  /** Every socket breaks, and both ends get an event. */
  readonly reset: () => void;
  readonly end: () => Promise<void>;
}

/** Short, for tests; the proportions are those of the defaults. */
export const QUICK: TransportLimits = {
  ...TRANSPORT_LIMITS,
  helloMilliseconds: 400,
  peerPingMilliseconds: 100,
  peerSilenceMilliseconds: 600,
  clientPingMilliseconds: 100,
  clientSilenceMilliseconds: 600,
  sweepMilliseconds: 20,
  redialMillisecondsMin: 20,
  redialMillisecondsMax: 100,
  courtesyMilliseconds: 60,
  frameProgressMilliseconds: 400,
  frameProgressBytes: 1000,
};

export const CLUSTER = 'test';
/** Of every station, so that one certificate fits all. */
export const NAME = 'n';
/** That of all stations by default. */
export const SECRET = new Uint8Array(16).fill(7);
export const CLIENT_LIMITS = {
  keyBytesMax: 4096,
  valueBytesMax: 1_000_000,
  frameBytesMax: 8_000_000,
  batchBytesMax: 4_000_000,
};

interface StationOptions {
  readonly node: number;
  readonly incarnation?: number;
  /** The words of its boots; by default, of all boots up to its incarnation. */
  readonly words?: readonly number[];
  readonly cluster?: string;
  readonly url?: string;
  readonly secret?: Uint8Array;
  readonly limits?: TransportLimits;
}

/** A node without a core: its transport, and a record of its events. */
export interface Station {
  readonly node: NodeId;
  readonly incarnation: number;
  readonly lineage: Lineage;
  readonly place: Place;
  readonly board: Switchboard;
  readonly recorder: Recorder;
}

export async function openStation(
  network: NetworkUnderTest,
  { node, incarnation = 1, words, cluster = CLUSTER, url, limits = QUICK, ...rest }: StationOptions,
): Promise<Station> {
  const place = await network.place(url);
  const recorder = new Recorder();
  const id = node as NodeId;
  const { secret = SECRET } = rest;
  const random = new Random(node * 1000 + incarnation);
  const nonces = random.fork('nonces');
  const lineage = { incarnation, words: words ?? count(incarnation).map((at) => 100 + at) };
  const board = new Switchboard({
    identity: {
      ...{ cluster, node: id, lineage, features: [], limits: CLIENT_LIMITS, secret },
      isCertified: network.isCertified ?? false,
    },
    sockets: place.sockets,
    schedule: network.schedule,
    random,
    secureBytes: (length) => Uint8Array.from({ length }, () => nonces.below(256)),
    onEvent: recorder.onEvent,
    limits,
  });
  return { node: id, incarnation, lineage, place, board, recorder };
}

/** Gives each of the stations the list of all others. */
export function introduce(...stations: readonly Station[]): void {
  for (const { node, board, recorder } of stations) {
    const peers = stations
      .filter((other) => other.node !== node)
      .map((other) => ({
        node: other.node,
        url: other.place.url,
        name: NAME,
        lives: [lifeOf(other.lineage)],
      }));
    recorder.call(() => board.setPeers(peers));
  }
}

export async function until(
  network: NetworkUnderTest,
  what: string,
  isSo: () => boolean,
): Promise<void> {
  for (let waited = 0; waited < 8000 && !isSo(); waited += 10) await network.pass(10);
  assert.ok(isSo(), `timed out: ${what}`);
}

export function isUp(one: Station, other: Station): boolean {
  return (['main', 'bulk'] as const).every(
    (lane) => one.recorder.isUp(other.node, lane) && other.recorder.isUp(one.node, lane),
  );
}

/** Two nodes that are connected on both lanes. */
export async function openPair(network: NetworkUnderTest): Promise<readonly [Station, Station]> {
  const one = await openStation(network, { node: 1 });
  const two = await openStation(network, { node: 2 });
  introduce(one, two);
  await until(network, 'both lanes are up', () => isUp(one, two));
  return [one, two];
}

/** A frame with a number, and padding. */
export function numbered(number: number, bytes = 8): Uint8Array {
  const frame = new Uint8Array(bytes).fill(number);
  new DataView(frame.buffer).setUint32(0, number);
  return frame;
}

export function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

export function send(from: Station, to: Station, lane: Lane, bytes: Uint8Array): boolean {
  const { board, recorder } = from;
  return recorder.call(() => board.sendToPeer({ node: to.node, lane }, bytes));
}

/** The numbers of the frames that arrived on a lane, from all nodes or from one. */
export function heard(at: Station, lane: Lane, from?: number): readonly number[] {
  return at.recorder
    .of('peer-frame')
    .filter((event) => event.lane === lane && (from ?? event.node) === event.node)
    .map(({ bytes }) => numberOf(bytes));
}

export function count(length: number): readonly number[] {
  return Array.from({ length }, (_, at) => at);
}

/** The refusals in a station's log. */
export function refusals({ recorder }: Station): readonly string[] {
  return recorder.of('refused').map(({ by, text }) => `${by} ${text}`);
}
