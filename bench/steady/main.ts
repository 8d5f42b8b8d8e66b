/**
 * Whether a cluster keeps its pace: mixed load for minutes, in which the last quarter is compared
 * with the first one, and p99.9 is watched for cliffs: `make steady MINUTES=20`, or `node
 * build/bench/steady/main.js --minutes=20 --callers=64 --workload=mixed --warmup=30`. Exits with 1
 * if throughput, p99 or memory is worse by more than a tenth in the last quarter, or if the p99.9
 * of a window is above 100 ms.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawChart } from '../curves/chart.ts';
import { USUAL_SHAPE } from '../load/measurement.ts';
import { Progress } from '../load/progress.ts';
import { startRingkv } from '../load/ringkv.ts';
import { WORKLOADS } from '../load/workloads/workloads.ts';
import { endWhenInterrupted } from '../peers/children.ts';
import {
  CLIFF_MILLISECONDS,
  cliffsOf,
  compareQuarters,
  type Window,
  WORSE_MAX,
} from './quarters.ts';

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url));
const WINDOW_SECONDS = 5;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    callers: { type: 'string', default: '64' },
    workload: { type: 'string', default: 'mixed' },
    warmup: { type: 'string', default: '30' },
    /** Operations a second of an open loop; none: a closed one. */
    rate: { type: 'string', default: '' },
  },
});
endWhenInterrupted();
const { workload } = values;
if (WORKLOADS[workload] === undefined) throw new Error(`no workload ${workload}`);
const count = Math.max(4, Math.round((Number(values.minutes) * 60) / WINDOW_SECONDS));
const progress = new Progress({
  steps: count,
  write: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  now: () => performance.now(),
});
const windows: Window[] = [];
const running = await startRingkv(USUAL_SHAPE, (line) => progress.tell(line));
try {
  while (windows.length < count) windows.push(await runWindow());
} finally {
  await running.end();
}
report();

/** What must be stored is read back after each window. */
async function runWindow(): Promise<Window> {
  const measured = await running.run({
    ...{ workload, callers: Number(values.callers), seconds: WINDOW_SECONDS },
    warmupSeconds: windows.length === 0 ? Number(values.warmup) : 0,
    ...(values.rate !== '' && { rate: Number(values.rate) }),
  });
  const { operations, seconds, p50, p99, p999 = 0, latencies = '', memoryBytes } = measured;
  const at = (windows.length + 1) * WINDOW_SECONDS;
  progress.endStep(
    `${at} s: ${Math.round(operations / seconds)}/s, p50 ${p50.toFixed(1)} ms, ` +
      `p99 ${p99.toFixed(1)} ms, p99.9 ${p999.toFixed(1)} ms, ` +
      `${Math.round(memoryBytes / 2 ** 20)} MiB, load average ${loadavg()[0]?.toFixed(1)}`,
  );
  return { seconds: at, operations, duration: seconds, p999Ms: p999, latencies, memoryBytes };
}

function report(): void {
  const comparisons = compareQuarters(windows);
  for (const { name, first, last, worse } of comparisons) {
    const verdict = worse <= WORSE_MAX ? 'ok' : `WORSE by ${Math.round(worse * 100)} %`;
    const quarters = `${first.toFixed(1)} in the first quarter, ${last.toFixed(1)} in the last`;
    console.log(`${name}: ${quarters}: ${verdict}`);
  }
  const cliffs = cliffsOf(windows);
  const worst = Math.max(...windows.map(({ p999Ms }) => p999Ms));
  console.log(
    `p99.9 above ${CLIFF_MILLISECONDS} ms in ${cliffs.length} of ${windows.length} windows of ` +
      `${WINDOW_SECONDS} s; at most ${worst.toFixed(1)} ms`,
  );
  mkdirSync(RESULTS, { recursive: true });
  const stored = windows.map(({ latencies, ...rest }) => rest);
  writeFileSync(
    join(RESULTS, 'steady.json'),
    `${JSON.stringify({ workload, comparisons, windows: stored }, undefined, 1)}\n`,
  );
  writeFileSync(join(RESULTS, 'steady.svg'), picture());
  const isSteady = comparisons.every(({ worse }) => worse <= WORSE_MAX) && cliffs.length === 0;
  process.exitCode = isSteady ? 0 : 1;
}

function picture(): string {
  const panel = (title: string, of: (window: Window) => number) => ({
    title,
    isLogarithmic: false,
    lines: [{ name: '', points: windows.map((window) => ({ x: window.seconds, y: of(window) })) }],
  });
  return drawChart({
    title: `${workload}, ${values.callers} callers, windows of ${WINDOW_SECONDS} s`,
    axis: 'seconds',
    isLogarithmic: false,
    panels: [
      panel('operations a second', ({ operations, duration }) => operations / duration),
      panel('p99.9 in ms', ({ p999Ms }) => p999Ms),
      panel('MiB of the largest node', ({ memoryBytes }) => memoryBytes / 2 ** 20),
    ],
  });
}
