/** A node that is a majority by its own map asks others before it serves. */

import { equal, match } from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RunningNode, startNode } from '../../src/runtime/node.ts';

interface Start {
  readonly folder: string;
  readonly join?: readonly string[];
  readonly isFirst?: boolean;
}

/** Stopped, and their folders removed, when the test is over. */
class Nodes {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-enquiry-'));
  readonly #running: RunningNode[] = [];

  constructor(context: TestContext) {
    context.after(async () => {
      await Promise.all(this.#running.map((node) => node.stop()));
      rmSync(this.folder, { recursive: true });
    });
  }

  pathOf(name: string): string {
    return join(this.folder, name);
  }

  async start({ folder, join: urls = [], isFirst = false }: Start): Promise<RunningNode> {
    const node = await startNode({
      folder: this.pathOf(folder),
      listen: { host: '127.0.0.1', port: 0 },
      advertise: {},
      weight: 1,
      name: '',
      zone: '',
      isInsecureAllowed: false,
      valueBytesMax: 1024 * 1024,
      init: isFirst ? { shards: 1, replicas: 3 } : undefined,
      join: urls,
      logLevel: 'silent',
    });
    this.#running.push(node);
    return node;
  }
}

async function metric(node: RunningNode, name: string): Promise<number> {
  const response = await fetch(`${node.clientUrl.replace('ws:', 'http:')}/metrics`);
  const line = (await response.text()).match(new RegExp(`^ringkv_${name} (\\d+)$`, 'm'));
  return Number(line?.[1] ?? 0);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resume) => setTimeout(resume, 50));
}

/** The catalog and the shard. */
const leads = (node: RunningNode) => async () => (await metric(node, 'leaders')) === 2;

test('a copy from when its node was alone serves nothing, at any address', async (t) => {
  const nodes = new Nodes(t);
  const first = await nodes.start({ folder: 'first', isFirst: true });
  await until(leads(first));
  await first.stop();
  cpSync(nodes.pathOf('first'), nodes.pathOf('copy'), { recursive: true });
  const again = await nodes.start({ folder: 'first' });
  const second = await nodes.start({ folder: 'second', join: [again.clientUrl] });
  await until(async () => (await metric(second, 'replicas')) > 0);
  await again.stop();
  // At another address, so that the other node does not dial it.
  const copy = await nodes.start({ folder: 'copy', join: [second.clientUrl] });
  let ended = '';
  void copy.ended.then(({ text: reason }) => {
    ended = reason;
  });
  await until(async () => {
    if (ended !== '') return true;
    equal(await metric(copy, 'leaders'), 0, 'it leads nothing');
    return false;
  });
  match(ended, /older-copy: .*which this data folder does not contain/);
});

test('a node that is alone waits for addresses that do not answer, and not for ever', async (t) => {
  const nodes = new Nodes(t);
  const first = await nodes.start({ folder: 'first', isFirst: true });
  await until(leads(first));
  await first.stop();
  // Accepts, and sends nothing.
  const mute = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => mute.close());
  await until(async () => mute.listening);
  const address = mute.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const again = await nodes.start({ folder: 'first', join: [`ws://127.0.0.1:${port}`] });
  equal(await metric(again, 'leaders'), 0, 'it asks first');
  await until(leads(again));
});

test('a node that is alone serves as soon as all have answered', async (t) => {
  const nodes = new Nodes(t);
  const first = await nodes.start({ folder: 'first', isFirst: true });
  await until(leads(first));
  await first.stop();
  const stranger = await nodes.start({ folder: 'stranger', isFirst: true });
  const again = await nodes.start({ folder: 'first', join: [stranger.clientUrl] });
  await until(leads(again));
});
