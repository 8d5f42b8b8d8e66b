/** Appends on a real node: a few bytes of an entry must not rewrite gigabytes of rows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';

const MIB = 1024 * 1024;
const KEYS = 120;
const ROUNDS = 2;
/** It takes 700 MiB; if one entry rewrote all values at once it would take 1200. */
const PEAK_BYTES_MAX = 950 * MIB;

const names = Array.from({ length: KEYS }, (_, at) => `{ap}k${at}`);

test('appends to many large values are bounded in size, in an entry and in memory', async (t) => {
  const node = await LoneNode.start(temporaryFolder());
  const kv = await connect([node.url], { codec: bytes });
  t.after(async () => {
    await kv.close();
    await node.end();
  });
  const large = new Uint8Array(MIB - 64).fill(1);
  for (const name of names) await kv.set(name, large, { timeout: 60_000 });

  const tooLarge = kv.atomic().append('{ap}k0', large).commit();
  await assert.rejects(tooLarge, { code: 'value-too-large', outcome: 'notApplied' });

  const command = kv.atomic();
  for (const name of names) command.append(name, Uint8Array.of(2));
  await assert.rejects(command.commit(), { code: 'command-too-large', outcome: 'notApplied' });

  for (let round = 0; round < ROUNDS; round++) {
    const each = names.map((name) => {
      return kv.atomic().append(name, Uint8Array.of(3)).commit({ timeout: 60_000 });
    });
    await Promise.all(each);
  }
  for (const name of names) {
    const entry = await kv.get(name, { timeout: 60_000 });
    assert.equal((entry?.value as Uint8Array | undefined)?.length, large.length + ROUNDS);
  }
  assert.ok(node.isRunning);
  assert.ok(node.peakBytes < PEAK_BYTES_MAX, `it took ${Math.round(node.peakBytes / MIB)} MiB`);
});
