/** `kvctl shards`: every shard, its arc of the ring, its leader and its replicas. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit.ts';
import { inspect } from '../inspect.ts';
import { shardPlain } from '../printers/health-text.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [
  { title: 'SHARD', isNumber: true },
  { title: 'FROM' },
  { title: 'LEADER', isNumber: true },
  { title: 'TERM', isNumber: true },
  { title: 'REPLICAS' },
  { title: 'DOWN' },
  { title: 'LAG', isNumber: true },
  { title: 'STATE' },
];

export async function run(call: Call): Promise<Exit> {
  const { shards } = await inspect(await call.store());
  const rows = shards.map((shard) => {
    const { voters, liveVoters, leaderNode, isMoving } = shard;
    const down = voters.filter((node) => !liveVoters.includes(node));
    const isLost = liveVoters.length * 2 <= voters.length;
    return [
      String(shard.shard),
      shard.shard === 0 ? 'catalogue' : shard.from.toString(16).padStart(8, '0'),
      leaderNode === 0 ? '-' : String(leaderNode),
      String(shard.term),
      voters.join(' '),
      down.join(' ') || '-',
      String(shard.lagEntries),
      isLost ? 'no majority' : leaderNode === 0 ? 'no leader' : isMoving ? 'moving' : 'ok',
    ];
  });
  const plain = shards.map(shardPlain);
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain });
  return EXIT.ok;
}
