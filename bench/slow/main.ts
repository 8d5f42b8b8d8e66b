/**
 * Slow is not down: throughput and elections of three nodes whose disks, processors or links are
 * slow. `node build/bench/slow/main.js`, with `disks`, `processors` or `links` for one part, and
 * `--pictures` to write what was measured as SVG files beside `bench/README.md`.
 *
 * Closed loops in one client process. An election is a leader that took office; those that another
 * leader called are counted separately. Processors are bounded by the kernel's bandwidth control
 * (cgroups), and a link is a forwarder in this process that delays each piece.
 */

import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { bytes, type Client, connect } from '../../src/index.ts';
import { quantile, rateOf, run } from '../cluster/loop.ts';
import { pause } from '../cluster/three-nodes.ts';
import { type Point, pictureOf } from './picture.ts';
import { Share } from './share.ts';
import { type SlowNodes, startSlowNodes } from './slow-nodes.ts';

const SHARDS = 8;
const KEYS = 10_000;
const CALLERS = 64;
const TRANSACTORS = 16;
const SETTLE_MILLISECONDS = 4000;
const SECONDS = 8;
const SYNCS = [1, 10, 50, 100, 200, 500];
const CORES = [1, 0.25, 0.1, 0.03];
/** The round-trip time. */
const ROUND_TRIPS = [1, 20, 100, 300];
const HEAD =
  '                      puts/s  p50 ms  p99 ms  2-shard txn/s  p50 ms  elections  handed over';

const parts = process.argv.slice(2).filter((name) => !name.startsWith('--'));
const hasPictures = process.argv.includes('--pictures');
console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
if (parts.length === 0 || parts.includes('disks')) await measureDisks();
if (parts.length === 0 || parts.includes('processors')) await measureProcessors();
if (parts.length === 0 || parts.includes('links')) await measureLinks();

async function measureDisks(): Promise<void> {
  console.log(`\nall disks slow${HEAD.slice(14)}`);
  const nodes = await startSlowNodes(SHARDS);
  const kv = await connect(nodes.urls, { codec: bytes });
  const points: Point[] = [];
  for (const milliseconds of SYNCS) {
    nodes.delay(milliseconds);
    points.push(await measure(kv, nodes, { name: `${milliseconds} ms a sync`, x: milliseconds }));
  }
  await kv.close();
  await nodes.end();
  draw('slow-disks', points, 'milliseconds a sync, on all nodes');
}

async function measureProcessors(): Promise<void> {
  console.log(`\nall processors slow${HEAD.slice(19)}`);
  const nodes = await startSlowNodes(SHARDS);
  const share = new Share(nodes.pids);
  const kv = await connect(nodes.urls, { codec: bytes });
  const points: Point[] = [];
  for (const cores of CORES) {
    share.bound(cores);
    points.push(await measure(kv, nodes, { name: `${cores} of a core each`, x: 1 / cores }));
  }
  share.free();
  await kv.close();
  await nodes.end();
  draw('slow-processors', points, 'one core for so many nodes');
}

/** Between nodes; the client is near to all of them. */
async function measureLinks(): Promise<void> {
  console.log(`\nall links slow${HEAD.slice(14)}`);
  const nodes = await startSlowNodes(SHARDS);
  const kv = await connect(nodes.urls, { codec: bytes });
  const points: Point[] = [];
  for (const milliseconds of ROUND_TRIPS) {
    nodes.delayLinks(milliseconds / 2);
    const name = `${milliseconds} ms a round trip`;
    points.push(await measure(kv, nodes, { name, x: milliseconds }));
  }
  await kv.close();
  await nodes.end();
  draw('slow-links', points, 'milliseconds a round trip between nodes');
}

async function measure(
  kv: Client,
  nodes: SlowNodes,
  { name, x }: { readonly name: string; readonly x: number },
): Promise<Point> {
  await pause(SETTLE_MILLISECONDS);
  const before = nodes.changes();
  let failures = 0;
  let reason = '';
  const count = (error: Error) => {
    failures += 1;
    reason ||= error.message;
  };
  const value = new Uint8Array(256).fill(7);
  const put = () => kv.set(anyKey(), value).then(() => {}, count);
  const puts = await run({ callers: CALLERS, seconds: SECONDS, work: put });
  const move = () =>
    kv
      .atomic()
      .set(`one ${anyKey()}`, value)
      .set(`other ${anyKey()}`, value)
      .commit()
      .then(() => {}, count);
  const moves = await run({ callers: TRANSACTORS, seconds: SECONDS, work: move });
  const after = nodes.changes();
  const elections = after.elections - before.elections;
  const figures = [
    rateOf(puts).toFixed(0).padStart(7),
    quantile(puts, 0.5).toFixed(0).padStart(8),
    quantile(puts, 0.99).toFixed(0).padStart(8),
    rateOf(moves).toFixed(0).padStart(15),
    quantile(moves, 0.5).toFixed(0).padStart(8),
    String(elections).padStart(11),
    String(after.handovers - before.handovers).padStart(13),
  ];
  const failed = failures === 0 ? '' : `  ${failures} failed, the first: ${reason}`;
  console.log(`${name.padEnd(21)}${figures.join('')}${failed}`);
  return { x, rate: rateOf(puts), elections };
}

function anyKey(): string {
  return `key-${String(Math.floor(Math.random() * KEYS)).padStart(12, '0')}`;
}

function draw(name: string, points: readonly Point[], axis: string): void {
  if (hasPictures) writeFileSync(`bench/${name}.svg`, pictureOf(points, axis));
}
