/** What is varied: shards, connections, keys, values and nodes. Each curve makes its chart. */

import { pause } from '../cluster/three-nodes.ts';
import { memoryOf } from '../load/measurement.ts';
import type { Chart, Panel } from './chart.ts';
import { idlePercent, type Load, loadOf, type Pace, put, withCluster } from './point.ts';

const KEYS = 10_000;
const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;
/** Small ones, so that millions of keys fit on the disk of a laptop. */
const KEYS_VALUE_BYTES = 64;
/** Large values are few, as they would be. */
const VALUES_BYTES_TOTAL = 64 * MEGABYTE;
/** A client refuses more than 64 MiB of open calls. */
const VALUES_BYTES_OPEN = 32 * MEGABYTE;
const CHECKPOINT_MILLISECONDS = 4000;

/** One point, by the names of its figures. */
export type Point = { readonly x: number } & Readonly<Record<string, number>>;

export interface Curve {
  /** What is varied, with its unit. */
  readonly axis: string;
  readonly title: string;
  readonly points: readonly number[];
  readonly measure: (x: number, pace: Pace) => Promise<Point>;
  /** The figures of the panels, and their titles. */
  readonly panels: readonly (readonly [title: string, figures: readonly string[], log?: 'log'])[];
}

const LOAD_PANELS = [
  ['puts a second', ['rate'], 'log'],
  ['µs of processor a put', ['processor', 'nodesProcessor'], 'log'],
] as const;

export const CURVES: Readonly<Record<string, Curve>> = {
  shards: {
    axis: 'shards',
    title: 'More shards, three nodes',
    points: [1, 4, 16, 64, 256, 1024],
    measure: (shards, pace) =>
      withCluster({ shards, keys: KEYS }, pace, async (running) => {
        const idle = await idlePercent(running, pace);
        const nodeMiB = memoryOf(running.nodes.pids) / MEGABYTE;
        return { x: shards, idle, nodeMiB, ...loadOf(await put(running, pace)) };
      }),
    panels: [
      ...LOAD_PANELS,
      ['% of a core, busiest idle node', ['idle']],
      ['MiB of the largest node', ['nodeMiB']],
    ],
  },
  connections: {
    axis: 'clients, each with connections of its own',
    title: 'More connections, three nodes',
    points: [1, 10, 100, 1000, 5000],
    measure: (clients, pace) =>
      withCluster({ clients, keys: KEYS }, pace, async (running) => {
        const idle = await idlePercent(running, pace);
        const nodeMiB = memoryOf(running.nodes.pids) / MEGABYTE;
        return { x: clients, idle, nodeMiB, ...loadOf(await put(running, pace)) };
      }),
    panels: [
      ...LOAD_PANELS,
      ['% of a core, busiest idle node', ['idle']],
      ['MiB of the largest node', ['nodeMiB']],
    ],
  },
  keys: {
    axis: `keys of 16 bytes with values of ${KEYS_VALUE_BYTES}`,
    title: 'More keys, three nodes',
    points: [10_000, 100_000, 1_000_000, 10_000_000],
    measure: measureKeys,
    panels: [
      ...LOAD_PANELS,
      ['MiB of the largest node', ['nodeMiB'], 'log'],
      ['ms: longest delay of a loop, under puts', ['longestDelay'], 'log'],
      ['seconds until a restarted node serves', ['restart'], 'log'],
    ],
  },
  values: {
    axis: 'bytes of a value',
    title: 'Larger values, three nodes',
    points: [16, 256, 4 * KILOBYTE, 64 * KILOBYTE, MEGABYTE],
    measure: (valueBytes, pace) => {
      const keys = Math.max(64, Math.min(KEYS, Math.floor(VALUES_BYTES_TOTAL / valueBytes)));
      return withCluster({ valueBytes, keys }, pace, async (running) => {
        const callers = Math.min(pace.callers, Math.floor(VALUES_BYTES_OPEN / valueBytes));
        const load = loadOf(await put(running, { ...pace, callers }));
        return { x: valueBytes, ...load, megabytes: (load.rate * valueBytes) / 1e6 };
      });
    },
    panels: [...LOAD_PANELS, ['MB a second', ['megabytes'], 'log'], ['p99 in ms', ['p99'], 'log']],
  },
  nodes: {
    axis: 'nodes (as many replicas, three at most)',
    title: 'More nodes on one machine',
    points: [1, 2, 3, 4, 5],
    measure: (nodes, pace) =>
      withCluster({ nodes, keys: KEYS }, pace, async (running) => {
        const load: Load = loadOf(await put(running, pace));
        return { x: nodes, ...load };
      }),
    panels: [...LOAD_PANELS, ['p99 in ms', ['p99'], 'log']],
  },
};

async function measureKeys(keys: number, pace: Pace): Promise<Point> {
  return withCluster({ keys, valueBytes: KEYS_VALUE_BYTES }, pace, async (running) => {
    await pause(CHECKPOINT_MILLISECONDS);
    const idleMiB = memoryOf(running.nodes.pids) / MEGABYTE;
    const measured = await put(running, pace);
    const nodeMiB = memoryOf(running.nodes.pids) / MEGABYTE;
    pace.tell('restarts a node');
    const began = performance.now();
    await running.nodes.restartLast();
    const restart = (performance.now() - began) / 1000;
    const longestDelay = measured.inner?.loopDelayMaxMs ?? 0;
    return { x: keys, ...loadOf(measured), idleMiB, nodeMiB, longestDelay, restart };
  });
}

/** Points that were measured in one run. */
export function chartOf(
  { axis, title, panels }: Omit<Curve, 'points' | 'measure'>,
  points: readonly Point[],
): Chart {
  const drawn = panels.map(([title, figures, log]): Panel => {
    const lines = figures.map((figure) => ({
      name: NAMES[figure] ?? figure,
      points: points.map((point) => ({ x: point.x, y: point[figure] ?? 0 })),
    }));
    return { title, lines, isLogarithmic: log === 'log' };
  });
  return { title, axis, isLogarithmic: true, panels: drawn };
}

const NAMES: Readonly<Record<string, string>> = {
  processor: 'all processes',
  nodesProcessor: 'nodes',
};

export function tableOf(points: readonly Point[]): string {
  const names = Object.keys(points[0] ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cell = (value = Number.NaN) =>
    Number(value.toPrecision(3)).toLocaleString('en', { useGrouping: false });
  return [
    line(names),
    `|${'---|'.repeat(names.length)}`,
    ...points.map((point) => line(names.map((name) => cell(point[name])))),
  ].join('\n');
}
