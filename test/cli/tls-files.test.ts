/** Which certificates a node and kvctl use, and which files are no keys. */

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { findConfig } from '../../cli/config-file.ts';
import { endpointsOf } from '../../cli/endpoints.ts';
import { nodeOptionsOf } from '../../cli/node-options.ts';
import { clientTlsOf } from '../../cli/tls-files.ts';
import { checkConfig } from '../../src/runtime/config.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'kvctl-tls-'));
after(() => rmSync(FOLDER, { recursive: true, force: true }));

function write(name: string, text = name, mode = 0o600): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const NODE = { name: 'n1', data: 'd', listen: '10.0.0.1:7400' };
const PAIR = { cert: 'n1.pem', key: 'n1.key' };
const SECURE = { tls: { ca: 'ca.pem' }, nodes: [{ ...NODE, tls: PAIR }] };

for (const name of ['ca.pem', 'n1.pem', 'n1.key', 'admin.pem', 'admin.key', 'other.pem'])
  write(name);
const CONFIG = write('cluster.config.json', JSON.stringify(SECURE));

function failureOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return `${(error as Error).message} ${JSON.stringify(error)}`;
  }
  return 'none';
}

test('a node takes its files from the config file, or from flags one by one', () => {
  const { tls } = nodeOptionsOf({ config: CONFIG, node: 'n1' });
  assert.deepEqual(tls?.read(), { ca: 'ca.pem', cert: 'n1.pem', key: 'n1.key' });
  assert.equal(tls?.isClientCertified, undefined, 'by the address');
  const flags = { tlsCert: join(FOLDER, 'other.pem'), tlsClients: 'optional' };
  const mixed = nodeOptionsOf({ config: CONFIG, node: 'n1', ...flags }).tls;
  assert.deepEqual(mixed?.read(), { ca: 'ca.pem', cert: 'other.pem', key: 'n1.key' });
  assert.equal(mixed?.isClientCertified, false);
  assert.equal(nodeOptionsOf({}).tls, undefined);
  assert.match(
    failureOf(() => nodeOptionsOf({ tlsCa: 'ca.pem' })),
    /needs the certificate of/,
  );
});

test('a renewed file is read anew', () => {
  const { tls } = nodeOptionsOf({ config: CONFIG, node: 'n1' });
  write('n1.pem', 'renewed');
  assert.equal(tls?.read().cert, 'renewed');
  write('n1.pem');
});

test('kvctl presents what the call names, or what the config file has for it', async () => {
  const file = findConfig({ config: CONFIG });
  assert.deepEqual(clientTlsOf({}, file), { ca: 'ca.pem' }, 'not the certificate of a node');
  const flags = { tlsCert: join(FOLDER, 'admin.pem'), tlsKey: join(FOLDER, 'admin.key') };
  const admin = { cert: 'admin.pem', key: 'admin.key' };
  assert.deepEqual(clientTlsOf(flags, file), { ca: 'ca.pem', ...admin });
  const with2 = { ...SECURE, tls: { ca: 'ca.pem', ...admin } };
  const named = findConfig({ config: write('2.json', JSON.stringify(with2)) });
  assert.deepEqual(clientTlsOf({}, named), { ca: 'ca.pem', ...admin });
  assert.equal(clientTlsOf({}, undefined), undefined);
  const { tls, urls } = await endpointsOf({ config: CONFIG });
  assert.deepEqual([tls, urls], [{ ca: 'ca.pem' }, ['kvs://10.0.0.1:7400']]);
  const given = await endpointsOf({ url: 'kvs://a:1', tlsCa: join(FOLDER, 'ca.pem') });
  assert.deepEqual(given.tls, { ca: 'ca.pem' });
  assert.equal((await endpointsOf({ url: 'kv://a:1' })).tls, undefined);
  assert.match(
    failureOf(() => clientTlsOf({ tlsCert: 'a' }, undefined)),
    /belong together/,
  );
});

test('a key that other users can read is refused, and so is a file that is not there', () => {
  for (const mode of [0o604, 0o640, 0o620, 0o644]) {
    write('n1.key', 'n1.key', mode);
    const { tls } = nodeOptionsOf({ config: CONFIG, node: 'n1' });
    assert.match(
      failureOf(() => tls?.read()),
      /other users of this machine can read or write/,
    );
    assert.match(
      failureOf(() => tls?.read()),
      /chmod 600/,
    );
  }
  write('n1.key');
  const absent = nodeOptionsOf({ config: CONFIG, node: 'n1', tlsCa: '/absent' }).tls;
  assert.match(
    failureOf(() => absent?.read()),
    /cannot be read: ENOENT/,
  );
  const huge = write('huge', 'x'.repeat(300_000));
  const large = nodeOptionsOf({ config: CONFIG, node: 'n1', tlsCa: huge }).tls;
  assert.match(
    failureOf(() => large?.read()),
    /larger than 262144 bytes/,
  );
});

test('a config file with TLS for some nodes only is refused', () => {
  const faultsOf = (value: object) => {
    const result = checkConfig(value);
    return result.type === 'faulty' ? result.faults.join('; ') : '';
  };
  assert.equal(faultsOf(SECURE), '');
  const half = { ...SECURE, nodes: [...SECURE.nodes, { name: 'b', data: 'e', listen: 'b:1' }] };
  assert.match(faultsOf(half), /nodes\[1\]\.tls is missing/);
  assert.match(faultsOf({ nodes: SECURE.nodes }), /tls of the cluster is missing/);
  assert.match(
    faultsOf({ ...SECURE, tls: { ca: 'a', clients: 'no' } }),
    /"required" or "optional"/,
  );
  assert.match(faultsOf({ ...SECURE, tls: {} }), /tls\.ca is missing/);
  assert.match(faultsOf({ ...SECURE, nodes: [{ ...NODE, tls: { cert: 'a' } }] }), /tls\.key/);
});
