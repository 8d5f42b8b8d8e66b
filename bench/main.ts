/**
 * Runs the micro-benchmarks, each in a process of its own, prints one table, and compares it with
 * the stored baseline: `make bench`, or `node build/bench/main.js [name ...] [--accept]`. What
 * seems to have regressed is measured twice more, and the least of the three runs decides. It exits
 * with 1 if a row has regressed; `--accept` stores the medians of three runs as the baseline.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

import {
  acceptBaseline,
  type Baseline,
  compare,
  leastOf,
  machineName,
  mediansOf,
  type Ratios,
  ratiosOf,
  readBaseline,
  toldOf,
} from './micro/baseline.ts';
import { run as client } from './micro/client.bench.ts';
import { run as codec } from './micro/codec.bench.ts';
import { run as hash } from './micro/hash.bench.ts';
import { run as kvctl } from './micro/kvctl.bench.ts';
import { run as log } from './micro/log.bench.ts';
import { run as machine } from './micro/machine.bench.ts';
import { run as raft } from './micro/raft.bench.ts';
import { type BenchRow, table, takeSink } from './micro/report.ts';
import { run as ring } from './micro/ring.bench.ts';
import { run as state } from './micro/state.bench.ts';
import { run as transport } from './micro/transport.bench.ts';
import { run as watch } from './micro/watch.bench.ts';
import { run as wire } from './micro/wire.bench.ts';

/** Run in this order, one after the other. To add one, import its `run` and name it here. */
const BENCHES: Readonly<Record<string, () => Promise<BenchRow[]>>> = {
  ...{ hash, ring, raft, wire, codec, machine, log, state, watch, transport, client, kvctl },
};
const RUNS = 3;
const THIS = fileURLToPath(import.meta.url);

/** What a process that runs one benchmark sends to its parent. */
interface Report {
  readonly rows: readonly BenchRow[];
  readonly sink: number;
}

const words = process.argv.slice(2);
const names = words.filter((word) => !word.startsWith('--'));
for (const name of names) {
  if (name in BENCHES) continue;
  throw new Error(`no benchmark ${name}: there are ${Object.keys(BENCHES).join(', ')}`);
}
if (words.includes('--one')) await runHere(names[0] ?? '');
else
  await runAll(Object.keys(BENCHES).filter((name) => names.length === 0 || names.includes(name)));

async function runHere(name: string): Promise<void> {
  const rows = (await BENCHES[name]?.()) ?? [];
  process.send?.({ rows, sink: takeSink() } satisfies Report);
}

/** The compiler's choices for one benchmark depend on no other one. */
async function runApart(name: string): Promise<readonly BenchRow[]> {
  const child = fork(THIS, [name, '--one']);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the benchmark ${name} has ended early, with code ${code}`);
  });
  const [report] = (await Promise.race([once(child, 'message'), failed])) as [Report];
  failed.catch(() => {});
  child.disconnect();
  return report.rows;
}

async function runAll(chosen: readonly string[]): Promise<void> {
  const load = loadavg()[0] ?? 0;
  if (load > 1) console.log(`load average ${load.toFixed(1)}: other processes make rows slower`);
  const rows: BenchRow[] = [];
  /** By benchmark, run after run. */
  const runs = new Map<string, Ratios[]>();
  for (const name of chosen) {
    const measured = await runApart(name);
    rows.push(...measured);
    runs.set(name, [ratiosOf(measured)]);
  }
  console.log(table(rows));
  const baseline = readBaseline();
  if (words.includes('--accept')) await accept(baseline, runs);
  else if (baseline !== undefined) await judge(baseline, runs);
  else console.log('there is no baseline: `make bench ACCEPT=1` stores one');
}

type Runs = ReadonlyMap<string, Ratios[]>;

async function accept(before: Baseline | undefined, runs: Runs): Promise<void> {
  for (const name of runs.keys()) await runAgain(name, runs);
  const now = joined(runs, mediansOf);
  acceptBaseline(before, now);
  console.log(`stored ${now.size} ratios as the baseline of ${machineName()}`);
}

async function judge({ machine, ratios }: Baseline, runs: Runs): Promise<void> {
  if (machine !== machineName()) {
    console.log(`the baseline is of ${machine}, and this is ${machineName()}: differences may be`);
    console.log(
      'those of the machines; `make bench ACCEPT=1` on the commit before tells them apart',
    );
  }
  for (const [name, [first]] of runs) {
    if (first !== undefined && compare(ratios, first).regressed.length > 0) {
      await runAgain(name, runs);
    }
  }
  const { regressed, improved, added } = compare(ratios, joined(runs, leastOf));
  for (const name of added) console.log(`not in the baseline: ${name}`);
  for (const change of improved) console.log(`faster: ${toldOf(change)}`);
  for (const change of regressed) console.log(`SLOWER: ${toldOf(change)}`);
  if (regressed.length === 0) console.log('no row is slower than the baseline by more than 20 %');
  else console.log('if that is intended: `make bench ACCEPT=1`, and commit bench/baseline.json');
  process.exitCode = regressed.length === 0 ? 0 : 1;
}

async function runAgain(name: string, runs: Runs): Promise<void> {
  const own = runs.get(name) ?? [];
  while (own.length < RUNS) own.push(ratiosOf(await runApart(name)));
}

function joined(runs: Runs, choose: (own: readonly Ratios[]) => Ratios): Ratios {
  return new Map([...runs.values()].flatMap((own) => [...choose(own)]));
}
