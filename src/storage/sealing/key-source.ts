/** Where the wrapping key of a node comes from: a file, a command, or the environment. */

import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { KEY_BYTES } from './aead.ts';
import type { WrappingKey } from './key-file.ts';

/** One of them. */
export type KeySource =
  | { readonly keyFile: string }
  /** A command line for `/bin/sh`; it prints the key. */
  | { readonly keyCommand: string }
  /** The name of an environment variable. */
  | { readonly keyEnv: string };

/** The wrapping key cannot be had; the message has the reason and the remedy, and no key. */
class KeyUnavailable extends Error {
  override readonly name = 'KeyUnavailable';
}

const TEXT_BYTES_MAX = 4096;
const COMMAND_MILLISECONDS = 30_000;
const READABLE_BY_OTHERS = 0o077;
const HOW_TO_MAKE =
  `an encryption key is ${KEY_BYTES} random bytes in hexadecimal or base64: ` +
  '`(umask 077; openssl rand -hex 32 > ringkv.key)` makes one';

/** Throws `KeyUnavailable`. */
export async function wrappingKeyFrom(source: KeySource): Promise<WrappingKey> {
  if ('keyFile' in source) {
    return keyIn(fileText(source.keyFile), `the key file ${source.keyFile}`);
  }
  if ('keyEnv' in source) {
    const text = process.env[source.keyEnv];
    const what = `the environment variable ${source.keyEnv}`;
    if (text === undefined) throw new KeyUnavailable(`${what} is not set; ${HOW_TO_MAKE}`);
    return keyIn(text, what);
  }
  return keyIn(await printed(source.keyCommand), 'the output of the key command');
}

function fileText(path: string): string {
  try {
    const { mode, size } = statSync(path);
    if ((mode & READABLE_BY_OTHERS) !== 0) {
      throw new KeyUnavailable(
        `the key file ${path} has mode 0${(mode & 0o777).toString(8)}: other users of this ` +
          `machine can use it. Restrict it: chmod 600 ${path}`,
      );
    }
    return size > TEXT_BYTES_MAX ? '' : readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof KeyUnavailable) throw error;
    throw new KeyUnavailable(`the key file cannot be read: ${(error as Error).message}`);
  }
}

/** Its standard error goes to that of the node. */
function printed(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: COMMAND_MILLISECONDS, maxBuffer: TEXT_BYTES_MAX };
    const child = execFile('/bin/sh', ['-c', command], limits, (error, text) => {
      if (error === null) return resolve(text);
      const how = error.killed ? 'was ended' : `failed with code ${error.code}`;
      reject(
        new KeyUnavailable(
          `the key command ${how}; it has to print the key within 30 s, and nothing else`,
        ),
      );
    });
    child.stdin?.end();
    child.stderr?.pipe(process.stderr, { end: false });
  });
}

function keyIn(text: string, what: string): WrappingKey {
  const trimmed = text.trim();
  const isHex = /^[0-9a-f]{64}$/i.test(trimmed);
  const isBase64 = /^[A-Za-z0-9+/]{43}=$/.test(trimmed);
  if (!isHex && !isBase64) {
    throw new KeyUnavailable(`${what} is not a key (${trimmed.length} characters); ${HOW_TO_MAKE}`);
  }
  return new Uint8Array(Buffer.from(trimmed, isHex ? 'hex' : 'base64'));
}
