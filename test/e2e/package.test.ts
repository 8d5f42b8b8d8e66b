/** The package as others get it: packed, installed into an empty folder, run and imported there. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';

const LONG = { timeout: 180_000 };
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-package-'));
const ENVIRONMENT = { ...process.env, NODE_OPTIONS: '' };

function run(program: string, words: readonly string[], cwd = FOLDER): string {
  return execFileSync(program, [...words], { cwd, env: ENVIRONMENT, encoding: 'utf8' });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

before(() => {
  // What is tested is what was built: packing does not build it again.
  const quiet = ['--ignore-scripts', '--loglevel=error'];
  run('npm', ['pack', ...quiet, '--pack-destination', FOLDER], process.cwd());
  const tarball = readdirSync(FOLDER).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(FOLDER, 'package.json'), '{"type": "module"}');
  run('npm', ['install', `./${tarball}`, ...quiet, '--prefer-offline', '--no-audit', '--no-fund']);
}, LONG);

after(() => rmSync(FOLDER, { recursive: true, force: true }));

test('the package holds what is needed to run it, and no tests', () => {
  const files = readdirSync(join(FOLDER, 'node_modules', 'ringkv'), { recursive: true });
  const names = files.map(String);
  assert.ok(names.includes(join('build', 'cli', 'kvctl.js')));
  assert.ok(names.includes(join('build', 'src', 'index.d.ts')));
  assert.deepEqual(
    names.filter((name) => /\btest\b|\bbench\b|\.map$/.test(name)),
    [],
  );
});

test('its types are understood by those who import it', LONG, () => {
  writeFileSync(
    join(FOLDER, 'use.ts'),
    `import { connect, KvError } from 'ringkv';
const kv = await connect('kv://127.0.0.1:7400');
const entry = await kv.get<{ name: string }>('user:7');
export const name: string | undefined = entry?.value.name;
export const code = (error: KvError): string => error.code;
`,
  );
  const tsc = join(process.cwd(), 'node_modules', '.bin', 'tsc');
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
  const types = ['--types', 'node', '--typeRoots', join(process.cwd(), 'node_modules', '@types')];
  assert.equal(run(tsc, [...strict, ...types, 'use.ts']), '');
});

test('npx ringkv dev runs a cluster until it is interrupted', LONG, async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  const nodes = ports.map((port, at) => {
    return { name: `n${at}`, data: `data/n${at}`, listen: `127.0.0.1:${port}` };
  });
  writeFileSync(join(FOLDER, 'cluster.config.json'), JSON.stringify({ nodes }));
  const program = join(FOLDER, 'node_modules', '.bin', 'ringkv');
  const child = spawn(program, ['dev'], { cwd: FOLDER, env: ENVIRONMENT });
  try {
    const welcome = await textUntil(child, /Stop it/);
    assert.match(welcome, /^HEALTHY {2}can lose 1 of 3 nodes/m);
    const snippet = welcome.match(/From Node\n([\s\S]*?)\n\n/)?.[1] ?? '';
    writeFileSync(join(FOLDER, 'snippet.js'), snippet);
    assert.equal(run(process.execPath, ['snippet.js']), "{ name: 'Ada' }\n");
    assert.equal(run(program, ['get', 'user:7']), '{"name":"Ada"}');
  } finally {
    child.kill('SIGINT');
  }
  const stopping = textUntil(child, /never said/).catch((error: Error) => error.message);
  assert.match(String(await stopping), /^it ended with 0: stopping\n$/, 'no node had to be killed');
  assert.throws(() => run(program, ['status']), 'nothing of it runs any more');
});

function textUntil(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const hear = (chunk: Buffer) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${text}`)));
  });
}
