/** Which folder opens with which key, and that a refused folder is unchanged. */

import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { type EncryptionOptions, open } from '../../src/index.ts';
import { addDataKey, openDataKeys, rewrapKeys } from '../../src/runtime/encryption.ts';
import { salvageFolder } from '../../src/runtime/salvage.ts';
import { withNewKey } from '../../src/storage/sealing/key-file.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const HEX = '0123456789abcdef'.repeat(4);
const SECRET = 'a value that is a secret';

/** In a file of mode 0600. */
function keyFile(text: string = HEX, mode = 0o600): { readonly keyFile: string } {
  const path = join(temporaryFolder(), 'ringkv.key');
  writeFileSync(path, `${text}\n`, { mode });
  chmodSync(path, mode);
  return { keyFile: path };
}

async function filled(encryption?: EncryptionOptions): Promise<string> {
  const folder = join(temporaryFolder(), 'data');
  const kv = await open(folder, encryption === undefined ? {} : { encryption });
  await kv.set('greeting', SECRET);
  await kv.close();
  return folder;
}

/** All files but those of the lock, which names its last holder. */
function imageOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('lock') && statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => `${name} ${readFileSync(join(folder, name)).toString('latin1')}`);
}

async function refuses(
  folder: string,
  encryption: EncryptionOptions | undefined,
  message: RegExp,
): Promise<void> {
  const before = imageOf(folder);
  const options = encryption === undefined ? {} : { encryption };
  await assert.rejects(open(folder, options), { code: 'folder-unusable', message });
  assert.deepEqual(imageOf(folder), before);
}

async function reads(folder: string, encryption: EncryptionOptions): Promise<void> {
  const kv = await open(folder, { encryption });
  const found = await kv.get('greeting').finally(() => kv.close());
  assert.equal(found?.value, SECRET);
}

test('a folder opens with its key from a file, a command or the environment', async () => {
  const folder = await filled(keyFile());
  await reads(folder, keyFile(Buffer.from(HEX, 'hex').toString('base64')));
  await reads(folder, { keyCommand: `printf %s ${HEX}` });
  process.env.RINGKV_TEST_KEY = HEX;
  await reads(folder, { keyEnv: 'RINGKV_TEST_KEY' });
  delete process.env.RINGKV_TEST_KEY;
  for (const part of imageOf(folder)) assert.ok(!part.includes(SECRET));
  assert.ok(imageOf(await filled()).some((part) => part.includes(SECRET)));
});

test('a wrong key, no key, and a key for a plain folder change nothing', async () => {
  const folder = await filled(keyFile());
  await refuses(folder, keyFile('f'.repeat(64)), /the given key does not open/);
  await refuses(folder, undefined, /is encrypted, and no key was given/);
  await refuses(await filled(), keyFile(), /is not encrypted .* key was given/);
  rmSync(join(folder, 'keys'));
  rmSync(join(folder, 'keys.copy'));
  await refuses(folder, keyFile(), /If its file keys was lost, restore it/);
  // The log knows that it is encrypted, also if nothing else does.
  await refuses(folder, undefined, /is encrypted with data key 1, and this start has no/);
});

test('a key that cannot be had is refused with what to do', async () => {
  const folder = await filled(keyFile());
  for (const mode of [0o640, 0o604, 0o660]) {
    await refuses(folder, keyFile(HEX, mode), /chmod 600/);
  }
  await refuses(folder, { keyFile: '/nowhere/at/all' }, /cannot be read: ENOENT/);
  await refuses(
    folder,
    keyFile('too short'),
    /is not a key \(9 characters\).*openssl rand -hex 32/,
  );
  await refuses(folder, { keyCommand: 'exit 3' }, /the key command failed with code 3/);
  await refuses(folder, { keyCommand: 'echo nothing' }, /output of the key command is not a key/);
  await refuses(folder, { keyEnv: 'RINGKV_NOT_SET' }, /RINGKV_NOT_SET is not set/);
  const memory = open(':memory:', { encryption: keyFile() });
  await assert.rejects(memory, { code: 'invalid-argument' });
});

test('either copy of the wrapped keys is enough; without both the folder is refused', async () => {
  const key = keyFile();
  const folder = await filled(key);
  for (const name of ['keys', 'keys.copy']) {
    const path = join(folder, name);
    const sound = readFileSync(path);
    const flipped = Buffer.from(sound);
    flipped[20] = (flipped[20] ?? 0) ^ 4;
    writeFileSync(path, flipped);
    await reads(folder, key);
    rmSync(path);
    await reads(folder, key);
    writeFileSync(path, sound);
  }
  for (const name of ['keys', 'keys.copy']) writeFileSync(join(folder, name), 'garbage');
  await refuses(folder, key, /keys and keys.copy .* are damaged/);
});

test('the wrapping key is replaced online, and the old one is refused', async () => {
  const [old, other] = [keyFile(), keyFile('e'.repeat(64))];
  const folder = await filled(old);
  const kv = await open(folder, { encryption: old });
  assert.equal(await rewrapKeys(folder, { from: old, to: other }), 1);
  await kv.set('more', SECRET);
  await kv.close();
  await refuses(folder, old, /the given key does not open/);
  await reads(folder, other);
  await assert.rejects(rewrapKeys(folder, { from: old, to: other }), /does not open/);
});

test('a running node seals with a new data key, and reports keys that do not open', async () => {
  const [old, other] = [keyFile(), keyFile('e'.repeat(64))];
  const folder = await filled(old);
  const keys = await openDataKeys({ path: folder, isUsed: true }, old);
  assert.ok(keys !== undefined);
  assert.equal(await keys.look(), undefined);
  await addDataKey(folder, old);
  assert.equal(await keys.look(), 2);
  assert.equal(keys.keyring.newest, 2);
  assert.equal(await keys.look(), undefined, 'it is told once');
  await rewrapKeys(folder, { from: old, to: other });
  await assert.rejects(keys.look(), /does not open the folder/);
  assert.equal(keys.keyring.newest, 2);
  writeFileSync(join(folder, 'keys'), 'garbage');
  rmSync(join(folder, 'keys.copy'));
  await assert.rejects(keys.look(), /are damaged/);
});

test('a folder has so many data keys at most as its key files can hold', () => {
  const secret = new Uint8Array(32);
  const keys = Array.from({ length: 4096 }, (_, at) => ({ number: at + 1, secret }));
  const full = { sequence: 1, keys };
  assert.throws(() => withNewKey(full, () => secret), /there are 4096 data keys, and 4096 at most/);
});

test('a new data key is used from the next start on, and older data stay readable', async () => {
  const key = keyFile();
  const folder = await filled(key);
  assert.equal(await addDataKey(folder, key), 2);
  const kv = await open(folder, { encryption: key });
  await kv.set('later', SECRET);
  await kv.close();
  await reads(folder, key);
  const { shards } = await salvageFolder(folder, key);
  assert.deepEqual([shards[0]?.rows.length, shards[0]?.isWhole], [2, true]);
  await assert.rejects(salvageFolder(folder), /is encrypted, and no key was given/);
});
