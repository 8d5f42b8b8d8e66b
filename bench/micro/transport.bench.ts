/** The cost of a frame over loopback, both sides together, next to a bare WebSocket. */

import { WebSocket, WebSocketServer } from 'ws';
import { secureBytes } from '../../src/base/ambient.ts';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { Switchboard } from '../../src/transport/switchboard.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import type { TransportEvent } from '../../src/transport/transport.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import { calibrate } from './calibration.ts';
import type { BenchRow } from './report.ts';

/** A small request or response: the part of one message in a frame. */
const MESSAGE_BYTES = 64;
const MESSAGES = [1, 10, 100] as const;
/** Frames that leave in one turn, in each direction. */
const WINDOWS = [1, 16] as const;
const ROUNDS = 300;
const SAMPLES = 15;

interface Echo {
  readonly name: string;
  /** Sends frames, and calls back for each that returns. */
  readonly send: (bytes: Uint8Array) => void;
  onBack: () => void;
  readonly close: () => Promise<void>;
}

export async function run(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const open of [openTransport, openBare]) {
    const echo = await open();
    for (const window of WINDOWS) {
      for (const messages of MESSAGES) rows.push(await measureEcho(echo, { window, messages }));
    }
    await echo.close();
  }
  return rows;
}

/** A frame is sent and received twice in a round: that is four sides, of which one is reported. */
async function measureEcho(
  echo: Echo,
  { window, messages }: { readonly window: number; readonly messages: number },
): Promise<BenchRow> {
  const bytes = MESSAGE_BYTES * messages;
  const samples: number[] = [];
  for (let sample = 0; sample <= SAMPLES; sample++) {
    const began = process.cpuUsage();
    await rounds(echo, { window, bytes });
    const { user, system } = process.cpuUsage(began);
    // The first sample warms up.
    if (sample > 0) samples.push(((user + system) * 1000) / (ROUNDS * window * 4));
  }
  samples.sort((one, other) => one - other);
  const median = samples[SAMPLES >> 1] as number;
  const away = samples.map((sample) => Math.abs(sample - median)).sort((one, two) => one - two);
  return {
    name: `${echo.name}: a side of a frame of ${messages} messages, ${window} a turn`,
    nanosecondsPerOperation: median,
    operationsPerSecond: 1e9 / median,
    spread: (away[SAMPLES >> 1] as number) / median,
    yardstick: { type: 'calibration', nanoseconds: calibrate() },
  };
}

function rounds(
  echo: Echo,
  { window, bytes }: { readonly window: number; readonly bytes: number },
): Promise<void> {
  return new Promise((resolve) => {
    let left = ROUNDS;
    let back = 0;
    const round = () => {
      for (let frame = 0; frame < window; frame++) echo.send(new Uint8Array(bytes));
    };
    echo.onBack = () => {
      back += 1;
      if (back < window) return;
      back = 0;
      left -= 1;
      if (left === 0) resolve();
      else setImmediate(round);
    };
    round();
  });
}

async function openTransport(): Promise<Echo> {
  const ends: Switchboard[] = [];
  const places: WebSockets[] = [];
  let ups = 0;
  let onReady = () => {};
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const open = async (node: number, onFrame: (event: TransportEvent) => void) => {
    const sockets = await WebSockets.listen({ host: '127.0.0.1', port: 0 });
    const limits = { keyBytesMax: 1, valueBytesMax: 1, frameBytesMax: 1, batchBytesMax: 1 };
    const board = new Switchboard({
      identity: {
        cluster: 'bench',
        node: node as NodeId,
        lineage: { incarnation: 1, words: [1] },
        features: [],
        limits,
        secret: new Uint8Array(16),
      },
      sockets,
      schedule: TIMERS,
      random: new Random(node),
      secureBytes,
      onEvent: (event) => {
        if (event.type === 'peer-frame') onFrame(event);
        else if (event.type === 'peer-up' && ++ups === 4) onReady();
      },
    });
    ends.push(board);
    places.push(sockets);
    return board;
  };
  const to = { node: 2 as NodeId, lane: 'main' } as const;
  const one = await open(1, () => echo.onBack());
  const two = await open(2, (event) => {
    if (event.type === 'peer-frame') two.sendToPeer(event, event.bytes);
  });
  const echo: Echo = {
    name: 'transport',
    send: (bytes) => one.sendToPeer(to, bytes),
    onBack: () => {},
    close: async () => {
      for (const board of ends) board.close();
      for (const sockets of places) await sockets.close();
    },
  };
  const url = (at: number) => `ws://127.0.0.1:${places[at]?.port}`;
  one.setPeers([{ node: to.node, url: url(1), lives: [] }]);
  two.setPeers([{ node: 1 as NodeId, url: url(0), lives: [] }]);
  await ready;
  return echo;
}

/** As in the documentation of ws, without compression. */
async function openBare(): Promise<Echo> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (web) => {
    web.on('message', (data: Uint8Array) => web.send(data));
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const web = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await new Promise<void>((resolve) => web.once('open', resolve));
  const echo: Echo = {
    name: 'bare ws',
    send: (bytes) => web.send(bytes),
    onBack: () => {},
    close: async () => {
      web.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  web.on('message', () => echo.onBack());
  return echo;
}
