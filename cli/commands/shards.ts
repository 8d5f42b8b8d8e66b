/** `kvctl shards`: lists every shard with its arc of the ring, its leader and its replicas. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { inspect } from '../inspect.ts';
import { shardPlain } from '../printers/health-text.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [
  { title: 'SHARD', isNumber: true },
  { title: 'FROM' },
  { title: 'LEADER' },
  { title: 'TERM', isNumber: true },
  { title: 'REPLICAS' },
  { title: 'DOWN' },
  { title: 'LAG', isNumber: true },
  { title: 'STATE' },
];

export async function run(call: Call): Promise<Exit> {
  const { nodes, shards } = await inspect(await call.store());
  const labels = new Map(nodes.map(({ node, label }) => [node, label]));
  const labelOf = (node: number) => labels.get(node) ?? String(node);
  const rows = shards.map(({ shard, from, term, leaderNode, voters, ...rest }) => {
    const down = voters.filter((node) => !rest.liveVoters.includes(node));
    return [
      String(shard),
      shard === 0 ? 'catalog' : from.toString(16).padStart(8, '0'),
      leaderNode === 0 ? '-' : labelOf(leaderNode),
      String(term),
      voters.map(labelOf).join(' '),
      down.map(labelOf).join(' ') || '-',
      String(rest.lagEntries),
      rest.state,
    ];
  });
  const plain = shards.map(shardPlain);
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain });
  return EXIT.ok;
}
