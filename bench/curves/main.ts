/**
 * How the costs grow: `make curves`, or `node build/bench/curves/main.js [shards] [connections]
 * [keys] [values] [nodes] --points=1,16,256 --seconds=10 --warmup=10 --callers=64`. Writes the
 * points to `bench/results/curves.json`, and a picture of each curve that was measured in full.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Progress } from '../load/progress.ts';
import { endWhenInterrupted } from '../peers/children.ts';
import { drawChart } from './chart.ts';
import { CURVES, type Curve, chartOf, type Point, tableOf } from './curves.ts';
import type { Pace } from './point.ts';

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url));
const FILE = join(RESULTS, 'curves.json');
const SETTLE_SECONDS = 15;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    points: { type: 'string', default: '' },
    seconds: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '10' },
    settle: { type: 'string', default: `${SETTLE_SECONDS}` },
    callers: { type: 'string', default: '64' },
  },
});
endWhenInterrupted();
const names = positionals.length > 0 ? positionals : Object.keys(CURVES);
for (const name of names) {
  if (CURVES[name] !== undefined) continue;
  throw new Error(`no curve ${name}: there are ${Object.keys(CURVES).join(', ')}`);
}
const chosen = names.map((name) => [name, CURVES[name] as Curve] as const);
const given = values.points.split(',').filter(Boolean).map(Number);
const pointsOf = ({ points }: Curve) => (given.length > 0 ? given : points);
console.log(`${cpus().length} cores of ${cpus()[0]?.model}, Node ${process.version}`);
const progress = new Progress({
  steps: chosen.reduce((sum, [, curve]) => sum + pointsOf(curve).length, 0),
  write: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  now: () => performance.now(),
});
mkdirSync(RESULTS, { recursive: true });
for (const [name, curve] of chosen) await measureCurve(name, curve);

async function measureCurve(name: string, curve: Curve): Promise<void> {
  const points: Point[] = [];
  for (const x of pointsOf(curve)) {
    const pace: Pace = {
      seconds: Number(values.seconds),
      warmupSeconds: Number(values.warmup),
      callers: Number(values.callers),
      settleSeconds: Number(values.settle),
      tell: (line) => progress.tell(`${name} ${x}: ${line}`),
    };
    const point = await curve.measure(x, pace);
    points.push(point);
    const figures = Object.entries(point).map(([of, value]) => `${of} ${value.toPrecision(3)}`);
    progress.endStep(`${name}: ${figures.join(', ')}; load average ${loadavg()[0]?.toFixed(1)}`);
  }
  console.log(`\n${curve.title}\n\n${tableOf(points)}\n`);
  const stored = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as object) : {};
  writeFileSync(FILE, `${JSON.stringify({ ...stored, [name]: points }, undefined, 1)}\n`);
  writeFileSync(join(RESULTS, `curve-${name}.svg`), drawChart(chartOf(curve, points)));
}
