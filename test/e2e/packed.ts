/** The package, packed and installed as users do it. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ENVIRONMENT = { ...process.env, NODE_OPTIONS: '' };

interface Place {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function run(program: string, words: readonly string[], { cwd, env }: Place): string {
  const options = { cwd, env: { ...ENVIRONMENT, ...env }, encoding: 'utf8' } as const;
  return execFileSync(program, [...words], options);
}

/** Its output, with its errors if it fails. */
export function outputOf(program: string, words: readonly string[], { cwd, env }: Place): string {
  const { stdout, stderr, status } = spawnSync(program, [...words], {
    cwd,
    env: { ...ENVIRONMENT, ...env },
    encoding: 'utf8',
  });
  return status === 0 ? stdout : stdout + stderr;
}

/** Packs the built files, without building them again; returns the path of the tarball. */
export function pack(folder: string): string {
  const quiet = ['--ignore-scripts', '--loglevel=error'];
  run('npm', ['pack', ...quiet, '--pack-destination', folder], { cwd: process.cwd() });
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
}
