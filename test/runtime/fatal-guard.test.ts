/** A node that ended by itself: neither clients nor peers treat it as serving. */

import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from '../../src/index.ts';
import { FatalGuard } from '../../src/runtime/fatal-guard.ts';
import { httpAnswer, rulesOf } from '../../src/runtime/http-endpoints.ts';
import { type RunningNode, startNode } from '../../src/runtime/node.ts';
import { ClientConnection } from '../../src/transport/client-connection.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';

async function start(context: TestContext): Promise<RunningNode> {
  const root = mkdtempSync(join(tmpdir(), 'ringkv-ending-'));
  const node = await startNode({
    folder: join(root, 'n'),
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight: 1,
    name: '',
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: 1024 * 1024,
    join: [],
    logLevel: 'silent',
    init: { shards: 1, replicas: 3 },
  });
  context.after(async () => {
    await node.stop();
    rmSync(root, { recursive: true, force: true });
  });
  return node;
}

test('the first reason counts', async () => {
  const guard = new FatalGuard();
  guard.run(() => {
    throw new Error('an invariant');
  });
  guard.come({ kind: 'storage', text: 'the disk, because of it' });
  equal((await guard.promise).kind, 'fault');
  match(guard.end?.text ?? '', /an invariant/);
  let hasRun = false;
  guard.run(() => {
    hasRun = true;
  });
  equal(hasRun, false);
});

test('a node that its owner ends reports no reason', () => {
  const guard = new FatalGuard();
  guard.silence();
  guard.fail(new Error('too late'));
  deepEqual([guard.isOver, guard.end], [true, undefined]);
});

test('its port is free at once, and its clients get the reason', { timeout: 30_000 }, async (t) => {
  const node = await start(t);
  const kv = await connect(node.clientUrl);
  await kv.set('a', 1);
  const sockets = new WebDialler();
  t.after(() => sockets.close());
  const told = new Promise<string>((resolve) => {
    const line: ClientConnection = new ClientConnection({
      sockets,
      schedule: TIMERS,
      url: node.clientUrl,
      cluster: '',
      features: [],
      onEvent: (event) => {
        if (event.type === 'up') node.fail(new Error('planted'));
        if (event.type === 'down') resolve(event.reason);
        if (event.type === 'down') line.close();
      },
    });
  });
  const { kind, text } = await node.ended;
  equal(kind, 'fault');
  match(text, /planted/);
  const health = fetch(`${node.clientUrl.replace('ws:', 'http:')}/healthz`);
  await rejects(health, { message: 'fetch failed' }, 'the disk is not waited for');
  equal(await told, 'closing: this node ended by itself; use another node');
  await rejects(kv.get('a', { timeout: 300 }), { code: 'unreachable', outcome: 'notApplied' });
  await kv.close();
});

const NOTHING = { core: undefined, affiliation: undefined, rules: rulesOf() };
const ASK = { authorization: undefined, isNode: false };

test('until its sockets are closed it answers every path with its real state', () => {
  const end = { kind: 'storage', text: 'EIO: the disk\n  at nowhere' } as const;
  for (const path of ['/healthz', '/readyz', '/metrics', '/cluster']) {
    const answer = httpAnswer({ ...NOTHING, end }, { ...ASK, path }, 'main');
    equal(answer?.status, 503, path);
    equal(answer?.body, 'ended (storage): EIO: the disk\n');
  }
  equal(
    httpAnswer({ ...NOTHING, end: undefined }, { ...ASK, path: '/healthz' }, 'main')?.status,
    200,
  );
});
