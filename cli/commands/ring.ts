/** `kvctl ring KEY`: where a key lies, and why there. */

import { type ClusterMap, NO_NODE } from '../../src/catalog/cluster-map.ts';
import { nodeNumbered, shardAt } from '../../src/catalog/questions.ts';
import { explain } from '../../src/ring/explanation.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { buildRing, type RingNode } from '../../src/ring/ring.ts';
import { type Call, formatOf } from '../call.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit.ts';
import { tableOf } from '../printers/table.ts';

const COLUMNS = [
  { title: 'WALK', isNumber: true },
  { title: 'NODE', isNumber: true },
  { title: 'URL' },
  { title: 'ZONE' },
  { title: 'LOAD' },
  { title: 'VERDICT' },
];

const REASONS: Readonly<Record<string, string>> = {
  holds: 'holds it: the next one clockwise that can',
  kept: 'holds it, as it did before a nearer node came',
  'zone taken': 'does not: another of its zone holds it',
  full: 'does not: it has its share of replicas',
  'passed over': 'does not: it came later, and what lies well stays',
};

export async function run(call: Call): Promise<Exit> {
  const spelling = encodingOf(call.options);
  const key = bytesOf(call.words[0] ?? '', spelling);
  const store = await call.store();
  const map = await store.map();
  const position = keyPosition(key);
  const row = shardAt(map, position);
  const { arc, start, end, steps } = explanationOf(map, row.shard);
  const preferred = row.preferredNode === NO_NODE ? undefined : row.preferredNode;
  const members = row.members.filter(({ isVoter }) => isVoter).map(({ node }) => node);
  if (formatOf(call) === 'json') {
    const plain = { position, shard: row.shard, arc, start, end, preferred, members, steps };
    await call.terminal.write(`${JSON.stringify(plain)}\n`);
    return EXIT.ok;
  }
  const leads = preferred === undefined ? '' : `, node ${preferred} should lead`;
  const hex = (place: number) => place.toString(16).padStart(8, '0');
  const lines = [
    `key      ${encodeText(key, spelling)}`,
    `position ${hex(position)}`,
    `shard    ${row.shard}, the arc from ${hex(start)} up to ${hex(end)}`,
    `replicas on nodes ${members.join(', ') || 'none yet'}${leads}`,
  ];
  const rows = steps.map(({ node, zone, verdict, load, quota }, at) => {
    const url = nodeNumbered(map, node)?.clientUrl.replace(/^ws/, 'kv') ?? '-';
    const place = [String(at + 1), String(node), url, zone || '-', `${load} of ${quota}`];
    return [...place, REASONS[verdict] ?? verdict];
  });
  await call.terminal.write(`${lines.join('\n')}\n\n${tableOf(call.terminal, COLUMNS, rows)}`);
  return EXIT.ok;
}

/** From what the goals were made of, so that the reasons are those of the time they were made. */
function explanationOf(map: ClusterMap, shard: number): ReturnType<typeof explain> {
  const nodes = map.nodes.flatMap(({ node, basis }): RingNode[] => {
    return basis === undefined ? [] : [{ node, weight: basis.weight, zone: basis.zone }];
  });
  const ring = buildRing(nodes.length > 0 ? nodes : map.nodes);
  const arcs = map.shards.slice(1).map(({ goal }) => goal);
  return explain({ ring, placement: { nodes: ring.nodes, arcs }, arc: shard - 1 });
}
