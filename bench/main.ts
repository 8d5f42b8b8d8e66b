/** Runs every micro-benchmark and prints one table. */

import { run as client } from './micro/client.bench.ts';
import { run as codec } from './micro/codec.bench.ts';
import { run as hash } from './micro/hash.bench.ts';
import { run as kvctl } from './micro/kvctl.bench.ts';
import { run as log } from './micro/log.bench.ts';
import { run as machine } from './micro/machine.bench.ts';
import { run as raft } from './micro/raft.bench.ts';
import { type BenchRow, table } from './micro/report.ts';
import { run as ring } from './micro/ring.bench.ts';
import { run as state } from './micro/state.bench.ts';
import { run as transport } from './micro/transport.bench.ts';
import { run as watch } from './micro/watch.bench.ts';
import { run as wire } from './micro/wire.bench.ts';

/** Run in this order, one after the other. To add one, import its `run` and name it here. */
const BENCHES = [
  hash,
  ring,
  raft,
  wire,
  codec,
  machine,
  log,
  state,
  watch,
  transport,
  client,
  kvctl,
];

const rows: BenchRow[] = [];
for (const run of BENCHES) rows.push(...(await run()));
console.log(table(rows));
