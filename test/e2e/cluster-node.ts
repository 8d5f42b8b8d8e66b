/**
 * A process that is one node, for tests that kill it: folder, port, shards to found with, join. The
 * environment says whether leaders are spread, as for kvctl.
 */

import { startNode } from '../../src/runtime/node.ts';

const [folder = '', port = '0', shards = '0', join = ''] = process.argv.slice(2);

const node = await startNode({
  folder,
  listen: { host: '127.0.0.1', port: Number(port) },
  advertise: {},
  weight: 1,
  name: '',
  zone: '',
  isInsecureAllowed: false,
  valueBytesMax: 1024 * 1024,
  init: shards === '0' ? undefined : { shards: Number(shards), replicas: 3 },
  join: join === '' ? [] : [join],
  leaders: process.env.RINGKV_LEADERS === 'spread' ? 'spread' : undefined,
  logLevel: 'fatal',
});
console.log(`up ${node.clientUrl}`);
const { text } = await node.ended;
console.error(text);
process.exit(1);
