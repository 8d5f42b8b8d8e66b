/**
 * etcd's own load generator (`tools/benchmark`). No package of Debian contains the program, and
 * golang-etcd-server-dev leaves two of its folders out; Debian's source package has them. So the
 * source package is downloaded through lists of its own, and built against the libraries that are
 * installed.
 */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeFolder, temporaryFolder } from './children.ts';
import { runCommand } from './install.ts';

const PROGRAM = fileURLToPath(new URL('./etcd-benchmark', import.meta.url));
const FOLDERS = ['tools/benchmark', 'pkg/report'];
const MAIN = 'src/go.etcd.io/etcd';
const LIBRARIES = '/usr/share/gocode';
const SOURCES =
  'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ' +
  'http://deb.debian.org/debian bookworm main\n';

/** Builds it, unless it is there; resolves with its path. */
export async function buildEtcdBenchmark(): Promise<string> {
  if (existsSync(PROGRAM)) return PROGRAM;
  const folder = temporaryFolder('etcd-benchmark');
  const list = join(folder, 'sources.list');
  writeFileSync(list, SOURCES);
  mkdirSync(join(folder, 'lists/partial'), { recursive: true });
  const options = [
    ['Dir::Etc::SourceList', list],
    ['Dir::Etc::SourceParts', '/dev/null'],
    ['Dir::State::Lists', join(folder, 'lists')],
    // The lists of this machine are in another folder, and stay as they are.
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await runCommand('apt-get', [...options, 'update'], { cwd: folder });
  await runCommand('apt-get', [...options, 'source', '--download-only', 'etcd'], { cwd: folder });
  const archive = (await readdir(folder)).find((name) => name.includes('.orig.tar.'));
  if (archive === undefined) throw new Error('the source package of etcd has no archive');
  const main = join(folder, MAIN);
  mkdirSync(main, { recursive: true });
  const wanted = FOLDERS.map((name) => `*/${name}`);
  const how = ['--strip-components=1', '--wildcards', ...wanted];
  await runCommand('tar', ['-xf', join(folder, archive), '-C', main, ...how]);
  await runCommand('go', ['build', '-o', PROGRAM, '.'], {
    cwd: join(main, 'tools/benchmark'),
    env: { GO111MODULE: 'off', GOPATH: `${folder}:${LIBRARIES}`, CGO_ENABLED: '0' },
  });
  removeFolder(folder);
  return PROGRAM;
}
