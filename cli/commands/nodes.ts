/** `kvctl nodes`: lists the nodes of the cluster and their state. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { inspect } from '../inspect.ts';
import { bytesText, leadersOn, nodePlain } from '../printers/health-text.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [
  { title: 'NODE', isNumber: true },
  { title: 'NAME' },
  { title: 'STATE' },
  { title: 'URL' },
  { title: 'ZONE' },
  { title: 'WEIGHT', isNumber: true },
  { title: 'REPLICAS', isNumber: true },
  { title: 'LEADS', isNumber: true },
  { title: 'CLIENTS', isNumber: true },
  { title: 'LOG', isNumber: true },
];

export async function run(call: Call): Promise<Exit> {
  const { nodes } = await inspect(await call.store());
  const rows = nodes.map(({ node, name, url, zone, weight, membership, info }) => {
    const known = [url, zone || '-', String(weight)];
    const who = [String(node), name || '-'];
    const doing = membership === 'active' ? '' : `, ${membership}`;
    if (info === undefined) return [...who, `down${doing}`, ...known, '-', '-', '-', '-'];
    const { isReadOnly, isClosing, replicas, clients, log } = info;
    const state = `${isClosing ? 'closing' : isReadOnly ? 'read-only' : 'up'}${doing}`;
    const figures = [replicas.length, leadersOn(info), clients].map(String);
    return [...who, state, ...known, ...figures, bytesText(log.liveBytes)];
  });
  await printRows(call.terminal, formatOf(call), {
    columns: COLUMNS,
    rows,
    plain: nodes.map(nodePlain),
  });
  return EXIT.ok;
}
