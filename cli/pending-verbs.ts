/** `kvctl txn list` and `kvctl txn resolve ID`: lists and finishes pending transactions. */

import { type Call, formatOf } from './call.ts';
import { EXIT, type Exit } from './exit-codes.ts';
import { reportOf, usageFailure } from './failure.ts';
import { durationOption } from './options.ts';
import { durationText, type Pending, type PendingShard, pendingFrom } from './pending.ts';
import type { PendingInfo } from './pending-info.ts';
import { progressOn } from './printers/progress.ts';
import { printRows } from './printers/rows.ts';
import type { Store } from './store.ts';

const COLUMNS = [
  { title: 'ID' },
  { title: 'STATE' },
  { title: 'SINCE', isNumber: true },
  { title: 'SHARDS' },
  { title: 'WAITS FOR' },
  { title: 'KEYS', isNumber: true },
];

const PAUSE_MILLISECONDS = 200;
const PATIENCE_MILLISECONDS = 10_000;

export async function list(call: Call): Promise<Exit> {
  const { terminal, words } = call;
  if (words.length > 1) {
    throw usageFailure('txn list takes no arguments', 'see `kvctl txn --help`');
  }
  const { pending, silent } = await gathered(await call.store());
  noteSilent(call, silent);
  if (pending.length === 0) {
    terminal.note(
      `no transaction is pending${silent.length > 0 ? ' on the nodes that answered' : ''}`,
    );
  }
  const format = formatOf(call);
  if (format === 'raw') {
    await terminal.write(pending.map(({ id }) => `${id}\n`).join(''));
  } else if (pending.length > 0 || format !== 'table') {
    const rows = pending.map(rowOf);
    await printRows(terminal, format, { columns: COLUMNS, rows, plain: pending.map(plainOf) });
  }
  return EXIT.ok;
}

export async function resolve(call: Call): Promise<Exit> {
  const { terminal, words } = call;
  const [, id, ...more] = words;
  if (id === undefined || more.length > 0) {
    throw usageFailure(
      id === undefined ? 'the transaction ID is missing' : 'txn resolve takes one transaction ID',
      'use kvctl txn resolve ID; `kvctl txn list` shows the IDs',
    );
  }
  const store = await call.store();
  const { pending, silent } = await gathered(store);
  noteSilent(call, silent);
  const found = pending.find((one) => one.id === id);
  if (found === undefined) {
    terminal.note(
      `no transaction ${JSON.stringify(id)} is pending: it has ended, or never existed`,
    );
    terminal.note('`kvctl txn list` shows the pending ones');
    return EXIT.no;
  }
  const { age, participants } = found;
  const outcome = await store.settle({ id, age, participants });
  if (outcome === 'over') {
    terminal.note('the transaction had already ended, and its outcome is no longer stored');
  }
  const isForPrograms = ['json', 'ndjson'].includes(formatOf(call));
  await terminal.write(`${isForPrograms ? JSON.stringify({ id, outcome }) : outcome}\n`);
  await awaitGone(call, id);
  return EXIT.ok;
}

/** The decision is durable; this waits until all participants have applied it. */
async function awaitGone(call: Call, id: string): Promise<void> {
  const { terminal, options } = call;
  const progress = progressOn(terminal, 'waiting for all participating shards');
  const until = Date.now() + (durationOption(options, 'timeout') ?? PATIENCE_MILLISECONDS);
  for (;;) {
    const { pending } = await gathered(await call.store());
    const left = pending.find((one) => one.id === id);
    if (left === undefined) break;
    const shards = left.shards.filter(isWaiting).map(({ shard }) => shard);
    const what =
      shards.length === 0
        ? 'all shards have applied it'
        : `shards ${shards.join(' ')} have not yet`;
    if (Date.now() >= until) {
      terminal.note(`the decision is durable and is being sent to all participants: ${what}`);
      break;
    }
    progress.tell(what);
    await new Promise((resume) => setTimeout(resume, PAUSE_MILLISECONDS));
  }
  progress.end();
}

interface Gathered {
  readonly pending: readonly Pending[];
  readonly silent: readonly Silent[];
}

/** A node that did not answer, and why. */
interface Silent {
  readonly node: number;
  readonly url: string;
  readonly why: string;
}

async function gathered(store: Store): Promise<Gathered> {
  const map = await store.map();
  const infos: PendingInfo[] = [];
  const shards = new Set<number>();
  const silent: Silent[] = [];
  await Promise.all(
    map.nodes.map(async ({ node, clientUrl }) => {
      try {
        const [info, pending] = await Promise.all([
          store.info(clientUrl),
          store.pending(clientUrl),
        ]);
        infos.push(pending);
        for (const { role, shard } of info.replicas) if (role === 'leader') shards.add(shard);
      } catch (error) {
        const { message, reasons } = reportOf(error);
        const url = clientUrl.replace(/^ws/, 'kv');
        silent.push({ node, url, why: reasons.at(-1)?.what ?? message });
      }
    }),
  );
  silent.sort((one, other) => one.node - other.node);
  return { pending: pendingFrom({ infos, shards }), silent };
}

function noteSilent({ terminal }: Call, silent: readonly Silent[]): void {
  for (const { node, url, why } of silent) {
    terminal.note(`node ${node} (${url}) did not list its transactions: ${why}`);
  }
}

function rowOf({ id, state, milliseconds, shards }: Pending): string[] {
  const waiting = shards.filter(isWaiting).map(({ shard, keysHeld }) => {
    return keysHeld === undefined ? `${shard}?` : `${shard}`;
  });
  const keys = shards.reduce((sum, { keysHeld = 0 }) => sum + keysHeld, 0);
  return [
    id,
    state,
    durationText(milliseconds),
    shards.map(({ shard }) => shard).join(' '),
    waiting.join(' ') || '-',
    String(keys),
  ];
}

/** The shard holds locks, or may hold some. */
function isWaiting({ keysHeld }: PendingShard): boolean {
  return keysHeld !== 0;
}

function plainOf({ id, state, milliseconds, shards }: Pending): object {
  const plain = shards.map(({ shard, keysHeld = null }) => ({ shard, keysHeld }));
  return { id, state, milliseconds, shards: plain };
}
