/** What an audit trail costs a put: nodes and client in this process, policies in turns. */

import { join } from 'node:path';
import { bytes, type Client, connect } from '../../src/index.ts';
import type { AuditOptions } from '../../src/runtime/auditing.ts';
import { type RunningNode, startNode } from '../../src/runtime/node.ts';
import { removeFolder, temporaryFolder } from '../peers/children.ts';
import { median, run } from './loop.ts';

const KEYS = 20_000;
const CALLERS = 64;
const SECONDS = 3;
const ROUNDS = Number(process.env.ROUNDS ?? 6);
const VALUE = new Uint8Array(256).fill(7);
const ALL = [{ prefix: new Uint8Array(0), verbs: ['write'] }] as const;

const POLICIES: Readonly<Record<string, AuditOptions | undefined>> = {
  off: undefined,
  'administration only': { isFailClosed: false, rules: [] },
  'all writes': { isFailClosed: false, rules: ALL },
  'all writes, fail-closed': { isFailClosed: true, rules: ALL },
};

interface Place {
  readonly name: string;
  readonly node: RunningNode;
  readonly kv: Client;
  readonly costs: number[];
  readonly rates: number[];
}

export async function measureAudit(): Promise<void> {
  const folder = temporaryFolder('bench');
  const places: Place[] = [];
  for (const [name, audit] of Object.entries(POLICIES)) {
    const node = await startNode({
      ...{ folder: join(folder, name), listen: { host: '127.0.0.1', port: 0 }, advertise: {} },
      ...{ weight: 1, name: '', zone: '', isInsecureAllowed: false, join: [] },
      ...{ valueBytesMax: 1024 * 1024, init: { shards: 1, replicas: 1 }, logLevel: 'fatal' },
      audit,
    });
    const kv = await connect(node.clientUrl, { codec: bytes });
    places.push({ name, node, kv, costs: [], rates: [] });
  }
  // The first round fills the keys and warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const place of places) await measure(place, round > 0);
  }
  const [off] = places;
  for (const { name, costs, rates } of places) {
    const ratios = costs.map((cost, at) => cost / (off?.costs[at] ?? 1));
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
    const range = `${low.toFixed(2)} to ${high.toFixed(2)}`;
    const told = `${median(costs).toFixed(1)} µs a put, ${Math.round(median(rates))}/s`;
    console.log(`${name.padEnd(26)} ${told}, ratio ${median(ratios).toFixed(3)} (${range})`);
  }
  for (const { kv, node } of places) {
    await kv.close();
    await node.stop();
  }
  removeFolder(folder);
}

/** Microseconds of this process: of the node and of the client. */
async function measure({ kv, costs, rates }: Place, isCounted: boolean): Promise<void> {
  const before = process.cpuUsage();
  const work = () => kv.set(`key-${Math.floor(Math.random() * KEYS)}`, VALUE);
  const { times, seconds } = await run({ callers: CALLERS, seconds: SECONDS, work });
  const { user, system } = process.cpuUsage(before);
  if (!isCounted) return;
  costs.push((user + system) / times.length);
  rates.push(times.length / seconds);
}
