/** Streams on the transports of clients: within a process, on sockets in memory, on real ones. */

import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { TRANSPORT_LIMITS } from '../../src/base/transport-limits.ts';
import { ClientConnection } from '../../src/transport/client-connection.ts';
import { InProcessTransport } from '../../src/transport/in-process.ts';
import { Switchboard } from '../../src/transport/switchboard.ts';
import { openMemory } from '../transport/memory-under-test.ts';
import {
  CLIENT_LIMITS,
  CLUSTER,
  type NetworkUnderTest,
  until,
} from '../transport/network-under-test.ts';
import { openWeb } from '../transport/web-under-test.ts';
import { type Connect, testStreams } from './stream-contract.ts';

const IDENTITY = {
  cluster: CLUSTER,
  node: 1 as NodeId,
  lineage: { incarnation: 1, words: [100] },
  features: [],
  limits: CLIENT_LIMITS,
  secret: new Uint8Array(),
};

const overSockets =
  (open: () => NetworkUnderTest): Connect =>
  async ({ onEvent, onFrame }) => {
    const network = open();
    const { schedule } = network;
    const { sockets, url } = await network.place();
    const random = new Random(1);
    const transport = new Switchboard({
      ...{ identity: IDENTITY, sockets, schedule, random, onEvent },
      secureBytes: (length) => new Uint8Array(length),
      limits: TRANSPORT_LIMITS,
    });
    const place = await network.place();
    let isUp = false;
    const line = new ClientConnection({
      ...{ sockets: place.sockets, schedule, url, cluster: '', features: [] },
      onEvent: (event) => {
        if (event.type === 'up') isUp = true;
        if (event.type === 'frame') onFrame(event.bytes);
      },
    });
    await until(network, 'the client is connected', () => isUp);
    const { pass, stall, resume } = network;
    const end = async () => {
      line.close();
      transport.close();
      await network.end();
    };
    return { transport, line, pass, stall, resume, end };
  };

const inProcess: Connect = async ({ onEvent, onFrame }) => {
  const schedule = { soon: (run: () => void) => void setImmediate(run) };
  const transport = new InProcessTransport({ identity: IDENTITY, schedule, onEvent });
  const line = transport.dial({ onUp: () => {}, onFrame, onDown: () => {} });
  const pass = () => new Promise<void>((resume) => setImmediate(() => setImmediate(resume)));
  return { transport, line, pass, end: async () => transport.close() };
};

testStreams('within a process', inProcess);
testStreams(
  'sockets in memory',
  overSockets(() => openMemory()),
);
testStreams('real sockets', overSockets(openWeb));
