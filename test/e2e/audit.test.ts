/** Audit trails of real processes: kills, restarts, a full disk, and what is never in them. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Client, connect } from '../../src/index.ts';
import { smallDisk } from '../support/small-disk.ts';
import { ChildNode, freePort, pause } from './child-node.ts';

const LONG = { timeout: 180_000 };
const VALUE = 'a-value-that-no-line-may-have';
const KILLS = 4;

interface Ended {
  readonly exit: number;
  readonly data: string;
  readonly notes: string;
}

class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-audit-'));
  readonly port: number;
  node: ChildNode | undefined;

  static async open(context: TestContext, audit: object): Promise<Place> {
    const place = new Place(await freePort());
    context.after(() => place.end());
    const listen = `127.0.0.1:${place.port}`;
    const config = { settings: { shards: 2 }, audit, nodes: [{ name: 'n1', data: 'n1', listen }] };
    writeFileSync(place.path('config.json'), JSON.stringify(config));
    await place.start();
    return place;
  }

  constructor(port: number) {
    this.port = port;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get url(): string {
    return `kv://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const words = ['--config', this.path('config.json'), '--node', 'n1', '--init'];
    this.node = await ChildNode.start(words);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.node?.kill(signal);
    await this.node?.exited;
  }

  kvctl(...words: readonly string[]): Promise<Ended> {
    const env = { ...process.env, XDG_CONFIG_HOME: this.folder, RINGKV_URL: this.url };
    return new Promise((resolve) => {
      const program = join('build', 'cli', 'kvctl.js');
      execFile(process.execPath, [program, ...words], { env }, (error, data, notes) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exit, data, notes });
      });
    });
  }

  async verified(trail: string): Promise<string> {
    const { exit, data, notes } = await this.kvctl('audit', 'verify', trail);
    assert.equal(exit, 0, data + notes);
    return data;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function linesIn(trail: string): readonly Readonly<Record<string, unknown>>[] {
  return readdirSync(trail)
    .sort()
    .flatMap((name) => readFileSync(join(trail, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** Sets keys until the connection is lost for good, and returns those that were acknowledged. */
async function load(kv: Client, isOver: () => boolean, round: number): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  const work = async (worker: number) => {
    for (let at = 0; !isOver(); at++) {
      const key = `a/${round}/${worker}/${at}`;
      try {
        await kv.set(key, VALUE);
        acknowledged.push(key);
      } catch {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, worker) => work(worker)));
  return acknowledged;
}

test('fail-closed: a kill loses no line of what was acknowledged', LONG, async (t) => {
  const data = [{ prefix: 'a/', verbs: ['write'] }];
  const place = await Place.open(t, { failClosed: true, data, fileBytesMax: 262_144 });
  const trail = place.path('n1/audit');
  const acknowledged: string[] = [];
  for (let round = 0; round < KILLS; round++) {
    const kv = await connect(place.url, { timeout: 2000 });
    let isOver = false;
    const loaded = load(kv, () => isOver, round);
    await pause(700);
    await place.kill();
    isOver = true;
    acknowledged.push(...(await loaded));
    await kv.close();
    await place.start();
    await place.verified(trail);
  }
  assert.ok(acknowledged.length > 100, `${acknowledged.length} writes`);
  const begun = new Set(
    linesIn(trail).flatMap(({ outcome, on }) => {
      const { keys = [] } = (on ?? {}) as { readonly keys?: readonly { readonly key: string }[] };
      return outcome === 'begun' ? keys.map(({ key }) => key) : [];
    }),
  );
  const missing = acknowledged.filter((key) => !begun.has(key));
  assert.deepEqual(missing.slice(0, 3), []);
  const text = JSON.stringify(linesIn(trail));
  assert.equal(text.includes(VALUE), false, 'values are not in it');
  await place.kill('SIGTERM');
  assert.match(
    await place.verified(trail),
    /^INTACT {2}\d+ lines \(1 to \d+\), head [0-9a-f]{64}\n/,
  );
});

test('an open trail survives kills too, and users and denials are in it', LONG, async (t) => {
  const place = await Place.open(t, { syncMilliseconds: 50 });
  const trail = place.path('n1/audit');
  const enabled = await place.kvctl('access', 'enable', '--force', '--out', place.path('root'));
  assert.equal(enabled.exit, 0, enabled.notes);
  assert.equal((await place.kvctl('get', 'a')).exit, 4);
  await pause(300);
  await place.kill();
  await place.start();
  await place.verified(trail);
  const root = ['--token-file', place.path('root')];
  assert.equal((await place.kvctl('user', 'set', 'ada', 'reader', ...root)).exit, 0);
  const shown = await place.kvctl('audit', 'show', trail, '--user', 'ada');
  assert.match(shown.data, /root\t127\.0\.0\.1:\d+\tput-user\t.*\tok\n/);
  const status = await place.kvctl('status', '-o', 'json', ...root);
  const [row] = JSON.parse(status.data).nodes as readonly { audit: { head: string } }[];
  await place.kill('SIGTERM');
  const anchored = await place.kvctl('audit', 'verify', trail, '--from', row?.audit.head ?? '');
  assert.equal(anchored.exit, 0, anchored.data);
  const outcomes = linesIn(trail).map(({ what, outcome, why }) => `${what} ${outcome} ${why}`);
  assert.ok(outcomes.includes('read refused unauthenticated'), outcomes.join('\n'));
  const secret = readFileSync(place.path('root'), 'utf8').trim().slice(17);
  assert.equal(JSON.stringify(linesIn(trail)).includes(secret), false);
});

test(
  'fail-closed on a full disk: administration is refused until there is room',
  LONG,
  async (t) => {
    const disk = smallDisk(t, 2);
    if (disk === undefined) return;
    const audit = { failClosed: true, folder: disk.path, data: [{ prefix: 'a/' }] };
    const place = await Place.open(t, audit);
    const trail = join(disk.path, 'n1');
    let made = 0;
    const makeRole = async () => {
      const ended = await place.kvctl('role', 'set', `role${made}`, 'read:a/', '--timeout', '3s');
      if (ended.exit === 0) made += 1;
      return ended;
    };
    assert.equal((await makeRole()).exit, 0);
    disk.fill();
    // The last block of the file may have room for some lines.
    let refused = await makeRole();
    for (let round = 0; refused.exit === 0 && round < 30; round++) refused = await makeRole();
    assert.equal(refused.exit, 5, refused.notes);
    assert.match(refused.notes, /audit-unavailable/);
    const set = await place.kvctl('set', 'a/1', 'x', '--timeout', '3s');
    assert.equal(set.exit, 5, set.notes);
    assert.equal((await place.kvctl('set', 'b/1', 'x')).exit, 0, 'what is not audited is served');
    disk.makeRoom();
    let again = await place.kvctl('set', 'a/1', 'x', '--timeout', '3s');
    for (let round = 0; again.exit !== 0 && round < 10; round++) {
      again = await place.kvctl('set', 'a/1', 'x', '--timeout', '3s');
    }
    assert.equal(again.exit, 0, again.notes);
    await place.kill('SIGTERM');
    await place.verified(trail);
    const roles = linesIn(trail).filter(
      ({ what, outcome }) => what === 'put-role' && outcome === 'ok',
    );
    assert.equal(roles.length, made, 'the refused change was not made');
  },
);
