/**
 * Where kvctl has its token from: a file that the call or the environment names, else what `login`
 * has stored for the URLs. Never from an argument: those are visible to every user of the machine.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Options } from './call.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';

const FILE_BYTES_MAX = 1024 * 1024;

/** Undefined if there is none. Read anew for each connection, so it can be replaced. */
export function tokenSourceOf(
  options: Options,
  urls: readonly string[],
): (() => string) | undefined {
  const named = textOption(options, 'tokenFile');
  if (named !== undefined) {
    const path = resolve(named);
    readPrivate(path);
    return () => readPrivate(path).trim();
  }
  const stored = storedTokens();
  const token = urls.map((url) => stored[url]).find((one) => one !== undefined);
  return token === undefined ? undefined : () => token;
}

/** Of these URLs alone: no other cluster is ever shown the token. */
export function storeToken(urls: readonly string[], token: string): string {
  const tokens = { ...storedTokens() };
  for (const url of urls) tokens[url] = token;
  const path = storedPath();
  writePrivate(path, `${JSON.stringify(tokens, undefined, 2)}\n`);
  return path;
}

/** Only the current user can read it. */
export function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
  // The mode above is of a new file only.
  chmodSync(path, 0o600);
}

function storedPath(): string {
  const home = process.env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return join(home, 'ringkv', 'tokens.json');
}

function storedTokens(): Record<string, string> {
  const path = storedPath();
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readPrivate(path)) as Record<string, string>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageFailure(`${path} is not valid JSON`, 'remove it, then run kvctl login again');
  }
}

function readPrivate(path: string): string {
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o077) !== 0) {
      throw usageFailure(
        `other users of this machine can read or write the token ${path}`,
        `restrict it: chmod 600 ${path}`,
      );
    }
    return size > FILE_BYTES_MAX ? '' : readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw usageFailure(
      `the token cannot be read: ${error.message}`,
      'check the path in --token-file or RINGKV_TOKEN_FILE, or run kvctl login',
    );
  }
}
