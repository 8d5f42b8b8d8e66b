/** A flood of frames that are never finished, on a real node. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';
import { RawClient } from './raw-client.ts';

const MIB = 1024 * 1024;
const CLIENTS = 40;
const FRAME_BYTES = 18 * MIB;

test('forty unfinished frames take little memory, and others are served', async () => {
  const node = await LoneNode.start(temporaryFolder());
  const kv = await connect([node.url]);
  const clients: RawClient[] = [];
  try {
    await kv.set('k', 0);
    const before = node.peakBytes;
    const half = new Uint8Array(FRAME_BYTES - MIB);
    for (let number = 1; number <= CLIENTS; number++) {
      const client = await RawClient.open(node.port);
      clients.push(client);
      await client.sendHalf(FRAME_BYTES, half);
      await kv.set('k', number);
    }
    const took = node.peakBytes - before;
    assert.ok(took < 350 * MIB, `they took ${Math.round(took / MIB)} MiB`);
    const closed = clients.filter(({ isOpen }) => !isOpen);
    assert.ok(closed.length > CLIENTS / 2, `${closed.length} were closed`);
    assert.equal((await kv.get('k'))?.value, CLIENTS);
  } finally {
    for (const client of clients) client.end();
    await kv.close();
    await node.end();
  }
});
