/** Where a node finds the secret of its cluster, and which files are no secret. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { findConfig } from '../../cli/config-file.ts';
import { makeLocalSecret, secretOf } from '../../cli/secret-file.ts';

const TEXT = 'correct horse battery staple';

function folderWith(context: TestContext, about: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-secret-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'cluster.config.json');
  const nodes = [{ name: 'n1', data: 'data/n1', listen: '127.0.0.1:7400' }];
  writeFileSync(path, JSON.stringify({ ...about, nodes }));
  const file = findConfig({ config: path });
  assert.ok(file !== undefined);
  const write = (name: string, text: string, mode = 0o600) => {
    const at = join(folder, name);
    mkdirSync(join(at, '..'), { recursive: true });
    writeFileSync(at, text);
    chmodSync(at, mode);
    return at;
  };
  return { folder, file, write };
}

function textOf(secret: Uint8Array | undefined): string | undefined {
  return secret && new TextDecoder().decode(secret);
}

test('the option comes first, then the config file, then the file that up made', (t) => {
  const { file, write } = folderWith(t, { secretFile: 'keys/secret' });
  const named = write('named', `${TEXT} 1\n`);
  write('keys/secret', `${TEXT} 2`);
  write('data/cluster.secret', `${TEXT} 3`);
  assert.equal(textOf(secretOf({ secretFile: named }, file)), `${TEXT} 1`, 'no end of line');
  assert.equal(textOf(secretOf({}, file)), `${TEXT} 2`);
  const other = folderWith(t);
  assert.equal(secretOf({}, other.file), undefined);
  assert.equal(secretOf({}, undefined), undefined, 'a node of no config file');
  other.write('data/cluster.secret', `${TEXT} 3`);
  assert.equal(textOf(secretOf({}, other.file)), `${TEXT} 3`);
});

test('a file that cannot be a secret is refused, with a remedy', (t) => {
  const { write, file } = folderWith(t, { secretFile: 'absent' });
  const failureOf = (secretFile: string) => {
    try {
      secretOf({ secretFile }, file);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  assert.match(failureOf(write('short', 'abc\n')), /has 3 bytes; the minimum is 16/);
  assert.match(failureOf(write('long', 'x'.repeat(5000))), /has 0 bytes/);
  assert.match(failureOf(write('public', TEXT, 0o644)), /every user of this machine can read/);
  assert.match(failureOf('/not/there'), /cannot be read: ENOENT/);
  assert.throws(() => secretOf({}, file), /cannot be read: ENOENT/, 'named, and not there');
});

test('a local cluster gets a secret, once, that others cannot read', (t) => {
  const { folder, file } = folderWith(t);
  makeLocalSecret({}, file);
  const path = join(folder, 'data', 'cluster.secret');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const text = readFileSync(path, 'utf8');
  assert.match(text, /^[0-9a-f]{64}\n$/);
  makeLocalSecret({}, file);
  assert.equal(readFileSync(path, 'utf8'), text);
  assert.equal(textOf(secretOf({}, file)), text.trim());
  const named = folderWith(t, { secretFile: 'keys/secret' });
  makeLocalSecret({}, named.file);
  assert.ok(!existsSync(join(named.folder, 'data')), 'it has one of its own');
});
