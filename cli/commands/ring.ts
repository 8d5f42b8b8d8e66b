/** `kvctl ring KEY`: shows which shard and nodes store a key, and why. */

import { type ClusterMap, NO_NODE } from '../../src/catalog/cluster-map.ts';
import { nodeNumbered, shardAt } from '../../src/catalog/questions.ts';
import { explain } from '../../src/ring/explanation.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { buildRing, type RingNode } from '../../src/ring/ring.ts';
import { type Call, formatOf } from '../call.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
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
  holds: 'replica: the next eligible node clockwise',
  kept: 'replica: kept from before a closer node joined',
  'zone taken': 'none: another node of its zone has a replica',
  full: 'none: its quota of replicas is full',
  'passed over': 'none: it joined later, and valid placements stay',
};

export async function run(call: Call): Promise<Exit> {
  const encoding = encodingOf(call.options);
  const key = bytesOf(call.words[0] ?? '', encoding);
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
    `key      ${encodeText(key, encoding)}`,
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

/** Uses the inputs of the placement goals, so the reasons are those of that time. */
function explanationOf(map: ClusterMap, shard: number): ReturnType<typeof explain> {
  const nodes = map.nodes.flatMap(({ node, basis }): RingNode[] => {
    return basis === undefined ? [] : [{ node, weight: basis.weight, zone: basis.zone }];
  });
  const ring = buildRing(nodes.length > 0 ? nodes : map.nodes);
  const arcs = map.shards.slice(1).map(({ goal }) => goal);
  return explain({ ring, placement: { nodes: ring.nodes, arcs }, arc: shard - 1 });
}
