/**
 * A process that is one node of the measured cluster: folder, port, shards to found with, join, the
 * address at which its peers reach it if that is another one, and the replicas of a shard.
 */

import { setUpCollector } from '../../src/runtime/collector.ts';
import { startNode } from '../../src/runtime/node.ts';
import { InnerMeter, type MeasureOrder } from './inner-measures.ts';

const [folder = '', port = '0', shards = '0', join = '', peerUrl = '', replicas = '3'] =
  process.argv.slice(2);

// Only a parent that asks for measures pays for them.
if (process.send !== undefined) {
  const meter = new InnerMeter();
  process.on('message', (order: MeasureOrder) => {
    if (order === 'begin-measures') meter.begin();
    else process.send?.(meter.end());
  });
}
// As `kvctl start` does.
setUpCollector();
const node = await startNode({
  folder,
  listen: { host: '127.0.0.1', port: Number(port) },
  advertise: peerUrl === '' ? {} : { peerUrl },
  weight: 1,
  name: '',
  zone: '',
  isInsecureAllowed: false,
  valueBytesMax: 1024 * 1024,
  leaders: process.env.RINGKV_LEADERS === 'spread' ? 'spread' : 'gathered',
  init: shards === '0' ? undefined : { shards: Number(shards), replicas: Number(replicas) },
  join: join === '' ? [] : [join],
  encryption:
    process.env.RINGKV_BENCH_KEY === undefined ? undefined : { keyEnv: 'RINGKV_BENCH_KEY' },
  logLevel: process.env.RINGKV_BENCH_LOG ?? 'fatal',
});
console.log(node.clientUrl);
const stop = () => void node.stop().then(() => process.exit(0));
process.once('SIGTERM', stop);
// The benchmark has ended, however it did.
process.stdin.once('end', stop).resume();
