/** A blocked event loop handles all arrived input before it evaluates time. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { Ticker } from '../../src/transport/ticker.ts';

const INTERVAL_MILLISECONDS = 20;

/** Two ends of one connection through the kernel: bytes written here wait in a socket there. */
async function pair(t: TestContext): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  await new Promise((resume) => setTimeout(resume, 5));
  for (const socket of [near, far]) socket.setNoDelay(true);
  t.after(() => {
    for (const socket of [near, far]) socket.destroy();
    server.close();
  });
  return { near, far };
}

/** The loop is blocked, as by a long garbage collection or without a processor. */
function hold(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** What happened in which order, from the moment at which the loop was blocked. */
async function ticked(
  t: TestContext,
  hear: (happen: (what: string) => void, ticker: Ticker) => void,
): Promise<readonly string[]> {
  const happened: string[] = [];
  let onTick = () => {};
  const ticker = new Ticker({ milliseconds: INTERVAL_MILLISECONDS, onTick: () => onTick() });
  t.after(() => ticker.stop());
  ticker.start();
  await new Promise<void>((resolve) => {
    onTick = () => {
      happened.push('tick');
      resolve();
    };
    hear((what) => happened.push(what), ticker);
    hold(5 * INTERVAL_MILLISECONDS);
  });
  return happened;
}

test('input that waits in a socket is handled before a late tick', async (t) => {
  const { near, far } = await pair(t);
  const happened = await ticked(t, (happen, ticker) => {
    near.on('data', () => {
      ticker.arrived();
      happen('frame');
    });
    far.write('answer');
  });
  deepEqual(happened, ['frame', 'tick']);
});

test('a late tick waits as long as each poll brings something', async (t) => {
  const { near, far } = await pair(t);
  const happened = await ticked(t, (happen, ticker) => {
    let left = 3;
    near.on('data', () => {
      ticker.arrived();
      happen('frame');
      left -= 1;
      // Written into the other end's kernel at once, so that the next poll finds it.
      if (left > 0) far.write('more');
    });
    far.write('first');
  });
  deepEqual(happened, ['frame', 'frame', 'frame', 'tick']);
});

test('ticks continue in a process that is sent more than it can read', async (t) => {
  let polls = 0;
  const happened = await ticked(t, (_happen, ticker) => {
    const flood = () => {
      polls += 1;
      ticker.arrived();
      if (polls < 1000) setImmediate(flood);
    };
    setImmediate(flood);
  });
  deepEqual(happened, ['tick']);
  ok(polls < 1000, `${polls} polls`);
});

test('a ticker that was stopped ticks no more, even if a tick was due', async (t) => {
  let ticks = 0;
  const ticker = new Ticker({ milliseconds: 1, onTick: () => ticks++ });
  t.after(() => ticker.stop());
  ticker.start();
  equal(ticker.isRunning, true);
  hold(10);
  setImmediate(() => ticker.stop());
  await new Promise((resume) => setTimeout(resume, 20));
  ok(ticks <= 1, `${ticks} ticks`);
  equal(ticker.isRunning, false);
});
