/**
 * A process that is one node of the measured cluster: folder, port, shards to found with, join, and
 * the address at which its peers reach it, if that is another one.
 */

import { startNode } from '../../src/runtime/node.ts';

const [folder = '', port = '0', shards = '0', join = '', peerUrl = ''] = process.argv.slice(2);

const node = await startNode({
  folder,
  listen: { host: '127.0.0.1', port: Number(port) },
  advertise: peerUrl === '' ? {} : { peerUrl },
  weight: 1,
  name: '',
  zone: '',
  isInsecureAllowed: false,
  valueBytesMax: 1024 * 1024,
  init: shards === '0' ? undefined : { shards: Number(shards), replicas: 3 },
  join: join === '' ? [] : [join],
  logLevel: process.env.RINGKV_BENCH_LOG ?? 'fatal',
});
console.log(node.clientUrl);
const stop = () => void node.stop().then(() => process.exit(0));
process.once('SIGTERM', stop);
// The benchmark has ended, however it did.
process.stdin.once('end', stop).resume();
