/** Installs the systems that ringkv is measured beside, from Debian's packages. */

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { startChild } from './children.ts';

const ETCD = ['etcd-server', 'golang-go', 'golang-etcd-server-dev'];

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  etcd: ETCD,
  'etcd-generator': [
    ...ETCD,
    ...['golang-github-bgentry-speakeasy-dev', 'golang-github-dustin-go-humanize-dev'],
    ...['golang-github-spf13-cobra-dev', 'golang-golang-x-time-dev'],
    'golang-gopkg-cheggaaa-pb.v1-dev',
  ],
  redis: ['redis-server', 'redis-tools'],
};

/** While this file forbids it, no package starts a service (Debian Policy, 9.3.3.2). */
const POLICY = '/usr/sbin/policy-rc.d';

/** What is missing. Throws if it cannot be installed. */
export async function installPeer(name: string): Promise<void> {
  const missing = (PACKAGES[name] ?? []).filter((word) => !isInstalled(word));
  if (missing.length === 0) return;
  console.log(`installs ${missing.join(', ')}`);
  const mayForbid = !existsSync(POLICY);
  if (mayForbid) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await runCommand('apt-get', ['update'], { env });
    const words = ['install', '-y', '--no-install-recommends', ...missing];
    await runCommand('apt-get', words, { env });
  } finally {
    if (mayForbid) rmSync(POLICY);
  }
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
  return /^Status: install ok installed$/m.test(stdout);
}

interface CommandOptions {
  readonly cwd?: string;
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves with what it prints. Rejects with what it says if it fails. */
export function runCommand(
  program: string,
  words: readonly string[],
  { cwd, env }: CommandOptions = {},
): Promise<string> {
  const child = startChild(program, words, {
    ...(cwd && { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', error: '' };
  child.stdout?.on('data', (chunk) => {
    said.out += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    said.error += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said.out);
      else reject(new Error(`${program} ${words[0] ?? ''} failed (${code}): ${said.error}`));
    });
  });
}
