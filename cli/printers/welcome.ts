/** What somebody wants to know who has just started a cluster on this machine. */

import type { LocalNode } from '../local-cluster.ts';
import type { Paint } from '../terminal.ts';

interface Welcome {
  readonly nodes: readonly LocalNode[];
  readonly pids: readonly number[];
  /** How kvctl was called here. */
  readonly kvctl: string;
  /** The option that names the config file, where it is not the usual one. */
  readonly config: string;
  readonly howToMend: string;
  readonly howToStop: string;
  readonly paint: Paint;
}

export function welcomeText(welcome: Welcome): string {
  const { nodes, pids, kvctl, config, howToMend, howToStop, paint } = welcome;
  const urls = nodes.map(({ listen }) => `kv://${listen}`);
  const last = nodes.at(-1);
  const width = Math.max(howToMend.length, `${kvctl} status${config}`.length);
  const head = (text: string) => paint(text, 'bold');
  const lines = [
    head('Nodes'),
    ...nodes.map(({ name, data }, at) => `  ${name}  ${urls[at]}  pid ${pids[at]}  data ${data}`),
    '',
    head('Try it'),
    `  ${kvctl} set greeting hello${config}`,
    `  ${kvctl} get greeting${config}`,
    `  ${kvctl} status${config}`,
    '',
    head('From Node'),
    "  import { connect } from 'ringkv';",
    `  const kv = await connect('${urls[0]}');`,
    "  await kv.set('user:7', { name: 'Ada' });",
    "  console.log((await kv.get('user:7')).value);",
    '  await kv.close();',
    '',
    head('Break it'),
    `  ${`kill -9 ${pids.at(-1)}`.padEnd(width)}  reads and writes go on without ${last?.name}`,
    `  ${`${kvctl} status${config}`.padEnd(width)}  says what it can still lose`,
    `  ${howToMend.padEnd(width)}  brings ${last?.name} back`,
    '',
    `${head('Stop it')}  ${howToStop}  ${paint('(the data stay)', 'dim')}`,
  ];
  return `${lines.join('\n')}\n`;
}
