/** A node on its own thread: it answers while the loop of the test is blocked. */

import { parentPort, workerData } from 'node:worker_threads';
import { startNode } from '../../src/runtime/node.ts';

const node = await startNode({
  folder: workerData as string,
  listen: { host: '127.0.0.1', port: 0 },
  advertise: {},
  weight: 1,
  name: '',
  zone: '',
  isInsecureAllowed: false,
  valueBytesMax: 1024 * 1024,
  init: { shards: 1, replicas: 1 },
  join: [],
  logLevel: 'silent',
});
parentPort?.once('message', () => {
  void node.stop().then(() => process.exit(0));
});
parentPort?.postMessage(node.clientUrl);
