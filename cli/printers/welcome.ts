/** The text after a local cluster has started: URLs, first commands, how to stop it. */

import type { LocalNode } from '../local-cluster.ts';
import type { Paint } from '../terminal.ts';

interface Welcome {
  readonly nodes: readonly LocalNode[];
  readonly pids: readonly number[];
  /** The command that runs kvctl here. */
  readonly kvctl: string;
  /** The --config option if it is not the default. */
  readonly config: string;
  readonly howToMend: string;
  readonly howToStop: string;
  /** The cluster has certificates. */
  readonly isSecure: boolean;
  readonly paint: Paint;
}

const SECURE =
  '  makes certificates for a new cluster; beyond loopback nodes need them (kvctl explain tls)';

export function welcomeText(welcome: Welcome): string {
  const { nodes, pids, kvctl, config, howToMend, howToStop, isSecure, paint } = welcome;
  const urls = nodes.map(({ listen }) => `${isSecure ? 'kvs' : 'kv'}://${listen}`);
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
    `  const kv = await connect('${urls[0]}'${isSecure ? ', { tls }' : ''});`,
    "  await kv.set('user:7', { name: 'Ada' });",
    "  console.log((await kv.get('user:7')).value);",
    '  await kv.close();',
    '',
    head('Break it'),
    `  ${`kill -9 ${pids.at(-1)}`.padEnd(width)}  reads and writes continue without ${last?.name}`,
    `  ${`${kvctl} status${config}`.padEnd(width)}  shows how many more nodes can fail`,
    `  ${howToMend.padEnd(width)}  restarts ${last?.name}`,
    '',
    ...(isSecure ? [] : [head('Secure it'), `  ${kvctl} init --secure${config}`, SECURE, '']),
    `${head('Stop it')}  ${howToStop}  ${paint('(the data are kept)', 'dim')}`,
  ];
  return `${lines.join('\n')}\n`;
}
