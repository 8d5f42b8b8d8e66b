/** A client that fails fast: calls end at once while no node can be reached, and go on after it. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { NodeId } from '../../src/base/ids.ts';
import { connectBy } from '../../src/client/connecting.ts';
import { Outage } from '../../src/client/core/outage.ts';
import type { ConnectionListener, Dial } from '../../src/client/dial.ts';
import type { ConnectOptions } from '../../src/client/options.ts';
import { decodeRequests } from '../../src/wire/request.ts';
import { encodeResponses } from '../../src/wire/response.ts';
import { clusterOf, URL_OF_MODEL } from './model/local.ts';

/** A client of a model cluster whose nodes can be taken away and brought back. */
async function connectedTo(options: ConnectOptions) {
  const cluster = clusterOf();
  const open = new Set<ConnectionListener>();
  const network = { isUp: true, dialMilliseconds: 0 };
  const dial: Dial = (url, listener) => {
    const node = Number(/node-(\d+)/.exec(url)?.[1]) as NodeId;
    const limits = { keyBytesMax: 4096, valueBytesMax: 1024 * 1024 };
    setTimeout(() => {
      if (!network.isUp) return listener.onDown('connection refused');
      open.add(listener);
      listener.onUp({ cluster: 'model', node, limits });
    }, network.dialMilliseconds);
    const send = (bytes: Uint8Array) => {
      for (const request of decodeRequests(bytes) ?? []) {
        cluster.serve(node, request, (response) => {
          setImmediate(() => open.has(listener) && listener.onFrame(encodeResponses([response])));
        });
      }
      return true;
    };
    return { send, close: () => void open.delete(listener) };
  };
  const now = () => performance.now();
  const secureBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const kv = await connectBy({ dial, now, secureBytes }, URL_OF_MODEL, options);
  const fall = () => {
    network.isUp = false;
    const lost = [...open];
    open.clear();
    for (const listener of lost) listener.onDown('the node went away');
  };
  return { kv, network, fall };
}

test('calls fail once no node was reached for so long, and work again later', async () => {
  const { kv, network, fall } = await connectedTo({ timeout: 60_000, failFastAfter: 300 });
  await kv.set('a', 1);
  fall();
  const began = performance.now();
  const error = await kv.get('a').catch((failure) => failure);
  deepEqual([error.code, error.outcome], ['unreachable', 'notApplied']);
  match(
    error.message,
    /more than 300 ms \(failFastAfter\); last error from .*: connection refused/,
  );
  ok(performance.now() - began >= 300, 'a call waits while the outage is short');
  const refused = performance.now();
  await rejects(kv.set('a', 2), { code: 'unreachable', outcome: 'notApplied', retryable: true });
  ok(performance.now() - refused < 30_000, 'long before its timeout');
  network.isUp = true;
  for (let left = 2000; left > 0; left--) {
    const entry = await kv.get('a').catch(() => pause(10));
    if (entry !== undefined) break;
  }
  equal((await kv.get('a'))?.value, 1);
  await kv.close();
});

test('without the option calls wait, and an idle client is in no outage', async () => {
  const patient = await connectedTo({ timeout: 60_000 });
  patient.fall();
  const reading = patient.kv.get('a');
  await pause(500);
  patient.network.isUp = true;
  equal(await reading, undefined);
  await patient.kv.close();

  const { kv, network, fall } = await connectedTo({ timeout: 60_000, failFastAfter: 100 });
  fall();
  await pause(300);
  network.isUp = true;
  network.dialMilliseconds = 500;
  equal(await kv.get('a'), undefined, 'what was not tried was not in vain');
  await kv.close();
});

test('an outage begins with the first dial that fails, and ends with a node that is up', () => {
  const outage = new Outage({ failsAfter: 100 });
  equal(outage.begins(1000), false);
  outage.fail('kv://a', 'refused', 1000);
  equal(outage.begins(1050), false);
  outage.fail('kv://b', 'silent', 1090);
  equal(outage.refusal(), undefined);
  deepEqual([outage.begins(1100), outage.begins(1101)], [true, false], 'it begins once');
  equal(outage.takeProbe(), false);
  equal(outage.refusal()?.code, 'unreachable');
  deepEqual([outage.takeProbe(), outage.takeProbe()], [true, false], 'one dial for each refusal');
  outage.end();
  equal(outage.refusal(), undefined);
  equal(outage.begins(5000), false);
});

test('failFastAfter must be a time', async () => {
  for (const failFastAfter of [0, -1, Number.NaN]) {
    await rejects(connectedTo({ failFastAfter }), { code: 'invalid-argument' });
  }
});
