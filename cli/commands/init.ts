/** `kvctl init`: runs a node that founds a cluster, or makes the certificates of one. */

import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { configWords } from '../options.ts';

export async function run(call: Call): Promise<Exit> {
  if (call.options.secure === true) return await secure(call);
  const { run: start } = await import('./start.ts');
  return await start({ ...call, options: { ...call.options, init: true } });
}

async function secure({ options, terminal }: Call): Promise<Exit> {
  const { secureCluster } = await import('../secure-cluster.ts');
  const { folder, made, written } = secureCluster(options);
  const { cluster } = folder.authority;
  const lines = [
    made.length === 0
      ? `the certificates of cluster ${cluster} exist already in ${folder.path}`
      : `made for cluster ${cluster} in ${folder.path}: ${made.join(', ')}`,
    ...(written === undefined ? [] : [`added tls to ${written}`]),
    `keep ${folder.path}/ca.key off the nodes: who has it can make certificates`,
    'copy to each node: ca.pem, and its own .pem and .key (mode 0600)',
    '',
    `on one machine:  kvctl up${configWords(options)}`,
    `on each node:    kvctl start${configWords(options)} --node NAME --init`,
    'more:            kvctl cert ls, kvctl explain tls',
  ];
  await terminal.write(`${lines.join('\n')}\n`);
  return EXIT.ok;
}
