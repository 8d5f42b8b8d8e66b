/**
 * Where kvctl has its token from: a file that the call or the environment names, else what `login`
 * has stored for the URLs. Never from an argument: those are visible to every user of the machine.
 */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Options } from './call.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import { readPrivate, writePrivate } from './private-file.ts';

/** Undefined if there is none. Read anew for each connection, so it can be replaced. */
export function tokenSourceOf(
  options: Options,
  urls: readonly string[],
): (() => string) | undefined {
  const named = textOption(options, 'tokenFile');
  if (named !== undefined) {
    const path = resolve(named);
    readToken(path);
    return () => readToken(path).trim();
  }
  const token = storedTokenFor(urls);
  return token === undefined ? undefined : () => token;
}

/** What `login` has stored for one of these URLs. */
export function storedTokenFor(urls: readonly string[]): string | undefined {
  const stored = storedTokens();
  return urls.map((url) => stored[url]).find((one) => one !== undefined);
}

/** Returns the path of the file that had it. */
export function forgetToken(urls: readonly string[]): string {
  const kept = Object.entries(storedTokens()).filter(([url]) => !urls.includes(url));
  const path = storedPath();
  writePrivate(path, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
  return path;
}

/** Of these URLs alone: no other cluster is ever shown the token. */
export function storeToken(urls: readonly string[], token: string): string {
  const tokens = { ...storedTokens() };
  for (const url of urls) tokens[url] = token;
  const path = storedPath();
  writePrivate(path, `${JSON.stringify(tokens, undefined, 2)}\n`);
  return path;
}

function storedPath(): string {
  const home = process.env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return join(home, 'ringkv', 'tokens.json');
}

function storedTokens(): Record<string, string> {
  const path = storedPath();
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readToken(path)) as Record<string, string>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageFailure(`${path} is not valid JSON`, 'remove it, then run kvctl login again');
  }
}

function readToken(path: string): string {
  return readPrivate(path, { what: 'the token', hint: HINT });
}

const HINT = 'check the path in --token-file or RINGKV_TOKEN_FILE, or run kvctl login';
