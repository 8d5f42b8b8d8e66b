/** Installs the systems that ringkv is measured beside, from Debian's packages. */

import { spawn, spawnSync } from 'node:child_process';

const PACKAGES: Readonly<Record<string, { readonly program: string; readonly of: string[] }[]>> = {
  etcd: [
    { program: 'etcd', of: ['etcd-server'] },
    { program: 'go', of: ['golang-go', 'golang-etcd-server-dev'] },
  ],
  redis: [
    { program: 'redis-server', of: ['redis-server'] },
    { program: 'redis-benchmark', of: ['redis-tools'] },
  ],
};

/** What is missing. Throws if it cannot be installed. */
export async function installPeer(name: string): Promise<void> {
  const missing = (PACKAGES[name] ?? []).filter(({ program }) => !isThere(program));
  if (missing.length === 0) return;
  const packages = missing.flatMap(({ of }) => of);
  console.log(`installs ${packages.join(', ')}`);
  await runCommand('apt-get', ['install', '-y', ...packages]);
}

function isThere(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
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
  const child = spawn(program, words, { ...(cwd && { cwd }), env: { ...process.env, ...env } });
  const said = { out: '', error: '' };
  child.stdout.on('data', (chunk) => {
    said.out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
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
