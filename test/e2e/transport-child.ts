/** A node without a core: it listens, echoes each frame, and ends on input. */

import { secureBytes } from '../../src/base/ambient.ts';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { Switchboard } from '../../src/transport/switchboard.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import { CLIENT_LIMITS, CLUSTER, QUICK, SECRET } from '../transport/network-under-test.ts';

const sockets = await WebSockets.listen({ host: '127.0.0.1', port: 0 });
const board = new Switchboard({
  identity: {
    cluster: CLUSTER,
    node: 2 as NodeId,
    lineage: { incarnation: 1, words: [1] },
    features: [],
    limits: CLIENT_LIMITS,
    secret: SECRET,
  },
  sockets,
  schedule: TIMERS,
  random: new Random(2),
  secureBytes,
  limits: QUICK,
  onEvent: (event) => {
    if (event.type === 'peer-frame') board.sendToPeer(event, event.bytes);
    else console.log(event.type, 'reason' in event ? event.reason : '');
  },
});
console.log(`ws://127.0.0.1:${sockets.port}`);

process.stdin.on('data', (command) => {
  const [word, url = ''] = command.toString().trim().split(' ');
  if (word === 'peer') board.setPeers([{ node: 1 as NodeId, url, lives: [] }]);
});
// Ends without process.exit: an open handle would keep the process running.
process.stdin.on('end', () => {
  board.close();
  sockets.close().catch((cause) => {
    throw cause;
  });
});
