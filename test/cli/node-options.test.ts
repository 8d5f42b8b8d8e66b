/** What a node is started with: flags, then the config file, then defaults. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { configOrDefault } from '../../cli/config-file.ts';
import { endpointsOf } from '../../cli/endpoints.ts';
import { reportOf } from '../../cli/failure.ts';
import { nodeOptionsOf } from '../../cli/node-options.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'kvctl-config-'));
after(() => rmSync(FOLDER, { recursive: true, force: true }));

function fileWith(value: unknown): string {
  const path = join(FOLDER, `${Math.trunc(performance.now() * 1000)}.json`);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

const NODES = [
  { name: 'a', data: 'd/a', listen: '127.0.0.1:7501', zone: 'west' },
  { name: 'b', data: 'd/b', listen: '127.0.0.1:7502', advertise: 'b.example:80' },
];
const CONFIG = fileWith({ settings: { shards: 4 }, nodes: NODES });

test('without flags a node listens on loopback and keeps its data in the working folder', () => {
  const options = nodeOptionsOf({});
  assert.deepEqual(options.listen, { host: '127.0.0.1', port: 7400 });
  assert.deepEqual([options.folder, options.init, options.join], ['ringkv-data', undefined, []]);
  assert.equal(options.isInsecureAllowed, false);
});

test('a node of a config file joins through the others of it', () => {
  const options = nodeOptionsOf({ config: CONFIG, node: 'a', init: true });
  assert.equal(options.folder, join(FOLDER, 'd', 'a'));
  assert.deepEqual(options.init, { shards: 4, replicas: 3 });
  assert.deepEqual(
    [options.name, options.zone, options.join],
    ['a', 'west', ['ws://b.example:80']],
  );
});

test('flags override the file', () => {
  const flags = { listen: '[::1]:9', zone: 'east', join: 'kv://x:1,y:2', shards: '8', data: 'z' };
  const options = nodeOptionsOf({ config: CONFIG, node: 'a', init: true, ...flags });
  assert.deepEqual(options.listen, { host: '::1', port: 9 });
  assert.deepEqual([options.zone, options.folder, options.init?.shards], ['east', 'z', 8]);
  assert.deepEqual(options.join, ['ws://x:1', 'ws://y:2']);
});

test('leaders are spread by a flag, or by the file, and gather by default', () => {
  const spread = fileWith({ nodes: NODES, leaders: 'spread' });
  assert.equal(nodeOptionsOf({ config: CONFIG, node: 'a' }).leaders, 'gathered');
  assert.equal(nodeOptionsOf({ config: spread, node: 'a' }).leaders, 'spread');
  assert.equal(
    nodeOptionsOf({ config: spread, node: 'a', leaders: 'gathered' }).leaders,
    'gathered',
  );
  assert.equal(nodeOptionsOf({ leaders: 'spread' }).leaders, 'spread');
});

test('an audit trail is kept by flags, or by the file, in a folder for each node', () => {
  assert.equal(nodeOptionsOf({}).audit, undefined);
  const flags = { audit: true, auditFailClosed: true, auditFolder: '/trail' };
  assert.deepEqual(nodeOptionsOf(flags).audit, {
    ...{ rules: [], isFailClosed: true, folder: '/trail' },
  });
  const audit = { folder: 'trails', failClosed: true, data: [{ prefix: 'a/' }] };
  const config = fileWith({ nodes: NODES, audit });
  const options = nodeOptionsOf({ config, node: 'b' });
  assert.equal(options.audit?.folder, join(FOLDER, 'trails', 'b'));
  assert.equal(options.audit?.isFailClosed, true);
  const own = nodeOptionsOf({ config, node: 'b', audit: true }).audit;
  assert.deepEqual(own, options.audit, 'a flag takes nothing away');
});

test('invalid options are reported before anything is started', () => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ config: CONFIG }, /--node is missing/],
    [{ config: CONFIG, node: 'c' }, /no node has the name "c"/],
    [{ config: join(FOLDER, 'none.json') }, /--node is missing|cannot be read/],
    [{ config: join(FOLDER, 'none.json'), node: 'a' }, /the config file cannot be read/],
    [{ listen: '7400' }, /--listen is "7400"/],
    [{ join: 'http://x' }, /"http:\/\/x" is not the address of a node/],
    [{ cluster: 'two words' }, /--cluster is "two words"/],
    [{ joinTimeout: '5' }, /--join-timeout is "5"/],
    [{ weight: '-1' }, /--weight is "-1"/],
    [{ valueBytesMax: '17000000' }, /--value-bytes-max is "17000000"/],
    [{ historyBytesMax: '-1' }, /--history-bytes-max is "-1"/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => nodeOptionsOf(options), message, JSON.stringify(options));
  }
});

test('who may ask by HTTP is in the file, and flags override it', () => {
  assert.deepEqual(nodeOptionsOf({}).http, { metricsToken: undefined, isPortPrivate: false });
  assert.deepEqual(nodeOptionsOf({}).origins, []);
  assert.equal(nodeOptionsOf({}).healthTls, undefined);
  const path = join(FOLDER, 'metrics.token');
  writeFileSync(path, 'a-token-of-the-file\n', { mode: 0o600 });
  const http = {
    origins: ['https://app.example'],
    metricsTokenFile: 'metrics.token',
    privatePort: true,
  };
  const config = fileWith({ nodes: NODES, http });
  const configured = nodeOptionsOf({ config, node: 'a' });
  assert.deepEqual(configured.http, { metricsToken: 'a-token-of-the-file', isPortPrivate: true });
  assert.deepEqual(configured.origins, ['https://app.example']);
  const other = join(FOLDER, 'other.token');
  writeFileSync(other, 'a-token-of-the-flag', { mode: 0o600 });
  const flags = { metricsTokenFile: other, origins: 'http://localhost:1, https://b.example' };
  const flagged = nodeOptionsOf({ config, node: 'a', ...flags, healthTls: true });
  assert.equal(flagged.http?.metricsToken, 'a-token-of-the-flag');
  assert.deepEqual(flagged.origins, ['http://localhost:1', 'https://b.example']);
  assert.equal(flagged.healthTls, 'node');
  writeFileSync(join(FOLDER, 'short.token'), 'short', { mode: 0o600 });
  writeFileSync(join(FOLDER, 'open.token'), 'a-token-of-the-file', { mode: 0o644 });
  const cases: readonly (readonly [Record<string, string | boolean>, RegExp])[] = [
    [{ metricsTokenFile: join(FOLDER, 'short.token') }, /has 5 characters; the minimum is 16/],
    [{ metricsTokenFile: join(FOLDER, 'open.token') }, /other users of this machine can read/],
    [{ metricsTokenFile: join(FOLDER, 'no.token') }, /cannot be read/],
    [{ origins: 'app.example' }, /--origins has "app\.example"/],
    [{ origins: 'https://a.example,*' }, /--origins has "\*"/],
    [{ healthTlsCert: 'a.pem' }, /needs one certificate, with its key/],
    [{ healthTls: true, healthTlsCert: 'a.pem', healthTlsKey: 'a.key' }, /needs one certificate/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => nodeOptionsOf(options), message, JSON.stringify(options));
  }
});

test('all faults of a config file are reported', () => {
  const config = fileWith({ nodes: [{ name: 'a', data: 'd', lisen: 'x' }], setings: {} });
  try {
    configOrDefault({ config });
    assert.fail('it was taken');
  } catch (error) {
    const { code, exit, reasons } = reportOf(error);
    assert.deepEqual([code, exit], ['config', 2]);
    assert.deepEqual(
      reasons.map(({ what }) => what),
      [
        'setings is not a known field: did you mean settings?',
        'nodes[0].lisen is not a known field: did you mean listen?',
        'nodes[0].listen is missing, must be "host:port" with a port from 1 to 65535',
      ],
    );
  }
});

test('clients use the given URLs, else those of the config file', async () => {
  const given = await endpointsOf({ url: 'kv://a:1, b:2', cluster: 'c0ffee' });
  assert.deepEqual(given, { urls: ['kv://a:1', 'kv://b:2'], cluster: 'c0ffee' });
  const urls = ['kv://127.0.0.1:7501', 'kv://b.example:80'];
  assert.deepEqual(await endpointsOf({ config: CONFIG }), { urls, cluster: '' });
  const named = fileWith({ cluster: 'beef', nodes: NODES });
  assert.deepEqual(await endpointsOf({ config: named }), { urls, cluster: 'beef' });
  assert.equal((await endpointsOf({ config: named, url: 'x:1' })).cluster, '', 'of other nodes');
});

test('a node joins only the cluster of the config file, and queries all its nodes', () => {
  const file = fileWith({ cluster: 'c0ffee', nodes: NODES });
  const options = nodeOptionsOf({ config: file, node: 'b', init: true });
  assert.deepEqual([options.cluster, options.join], ['c0ffee', ['ws://127.0.0.1:7501']]);
  assert.deepEqual([options.isJoinGiven, options.wanted], [false, {}]);
  const flags = { cluster: 'beef', join: 'x:1', replicas: '5', joinTimeout: '3s' };
  const flagged = nodeOptionsOf({ config: file, node: 'b', ...flags });
  assert.deepEqual([flagged.cluster, flagged.isJoinGiven], ['beef', true]);
  assert.deepEqual([flagged.wanted, flagged.joinMilliseconds], [{ replicas: 5 }, 3000]);
});
