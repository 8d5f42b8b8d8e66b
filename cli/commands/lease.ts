/** `kvctl lease list` and `kvctl lease revoke ID`: prints leases, and ends one. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { durationText } from '../pending.ts';
import { printRows } from '../printers/rows.ts';
import type { LeaseInShard } from '../store.ts';

const COLUMNS = [
  { title: 'LEASE' },
  { title: 'TTL', isNumber: true },
  { title: 'LEFT', isNumber: true },
  { title: 'SHARDS' },
  { title: 'TICKETS', isNumber: true },
  { title: 'CLIENT' },
  { title: 'NOTE' },
];

export async function run(call: Call): Promise<Exit> {
  const [what, id, ...more] = call.words;
  if (what === 'list' && id === undefined) return await list(call);
  if (what === 'revoke' && id !== undefined && more.length === 0) return await revoke(call, id);
  throw usageFailure(
    `lease ${call.words.join(' ')} is no command`,
    'use `kvctl lease list` or `kvctl lease revoke ID`',
  );
}

async function list(call: Call): Promise<Exit> {
  const { terminal } = call;
  const leases = joined(await (await call.store()).leases());
  const format = formatOf(call);
  if (leases.length === 0) terminal.note('there are no leases');
  if (leases.length > 0 || format !== 'table') {
    const rows = leases.map(({ id, ttl, left, isEnded, shards, tickets, client, note }) => [
      id,
      durationText(ttl),
      isEnded ? 'ended' : durationText(left),
      shards.join(','),
      `${tickets}`,
      client,
      note,
    ]);
    await printRows(terminal, format, { columns: COLUMNS, rows, plain: leases });
  }
  return EXIT.ok;
}

async function revoke(call: Call, id: string): Promise<Exit> {
  const wasThere = await (await call.store()).revoke(id);
  if (!wasThere) {
    call.terminal.note(`no shard has lease ${id}; kvctl lease list shows those that there are`);
    return EXIT.no;
  }
  await call.terminal.write(`${id}\n`);
  return EXIT.ok;
}

interface JoinedLease extends Omit<LeaseInShard, 'shard'> {
  readonly shards: readonly number[];
}

/** One row for each lease: the shortest time that is left in any shard counts. */
function joined(leases: readonly LeaseInShard[]): readonly JoinedLease[] {
  const byId = new Map<string, JoinedLease>();
  for (const { shard, ...lease } of leases) {
    const known = byId.get(lease.id);
    byId.set(lease.id, {
      ...lease,
      left: Math.min(lease.left, known?.left ?? lease.left),
      isEnded: lease.isEnded || known?.isEnded === true,
      tickets: lease.tickets + (known?.tickets ?? 0),
      shards: [...(known?.shards ?? []), shard],
    });
  }
  return [...byId.values()];
}
