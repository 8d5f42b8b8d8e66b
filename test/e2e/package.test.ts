/** The package as users get it: packed, installed into an empty folder, run and imported there. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { outputOf as outputIn, pack, run as runIn } from './packed.ts';

const LONG = { timeout: 180_000 };
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-package-'));
const ENVIRONMENT = { ...process.env, NODE_OPTIONS: '' };
const QUIET = ['--loglevel=error', '--prefer-offline', '--no-audit', '--no-fund'];
/** Packed, and unpacked with all that it needs on this platform. */
const BYTES_MAX = { tarball: 1.5 * 1024 * 1024, unpacked: 8 * 1024 * 1024 };

const HERE = { cwd: FOLDER };
let tarball = '';

function run(program: string, words: readonly string[]): string {
  return runIn(program, words, HERE);
}

function outputOf(program: string, words: readonly string[]): string {
  return outputIn(program, words, HERE);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

before(() => {
  tarball = pack(FOLDER);
  writeFileSync(join(FOLDER, 'package.json'), '{"type": "module"}');
  run('npm', ['install', tarball, '--ignore-scripts', ...QUIET]);
}, LONG);

after(() => rmSync(FOLDER, { recursive: true, force: true }));

test('the package holds what is needed to run it, and no tests', () => {
  const files = readdirSync(join(FOLDER, 'node_modules', 'ringkv'), { recursive: true });
  const names = files.map(String);
  assert.ok(names.includes(join('build', 'cli', 'kvctl.js')));
  for (const surface of ['index', 'admin', 'testkit', 'queue', 'tables', 'files']) {
    assert.ok(names.includes(join('build', 'src', `${surface}.d.ts`)), surface);
    assert.ok(names.includes(join('build', 'src', `${surface}.js`)), surface);
  }
  assert.deepEqual(
    names.filter((name) => /\b(?:test|bench)\b(?!-)|\.map$/.test(name)),
    [],
  );
});

test('links of its documents lead to files of the package', () => {
  const home = join(FOLDER, 'node_modules', 'ringkv');
  const names = readdirSync(home, { recursive: true }).map(String);
  const documents = names.filter((name) => name.endsWith('.md'));
  const dead = documents.flatMap((name) => {
    const links = readFileSync(join(home, name), 'utf8').matchAll(/\]\(([^)\s]+)\)/g);
    const paths = [...links].map(([, link = '']) => link.replace(/#.*/, ''));
    const files = paths.filter((path) => path !== '' && !/^\w+:/.test(path));
    const missing = files.filter((path) => !existsSync(join(home, dirname(name), path)));
    return missing.map((path) => `${name}: ${path}`);
  });
  assert.ok(documents.includes('README.md') && documents.length > 10, documents.join());
  assert.deepEqual(dead, []);
});

test('an installation calls no compiler, and has the tested builds of native code', LONG, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-consumer-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const compiler = join(folder, 'compiler.js');
    writeFileSync(compiler, "require('node:fs').writeFileSync('called', ''); process.exit(1);");
    // Scripts of the packages run, as they do for users; what they would compile with fails.
    const env = { npm_config_node_gyp: compiler, CC: 'false', CXX: 'false' };
    runIn('npm', ['install', tarball, ...QUIET], { cwd: folder, env });
    const names = readdirSync(folder, { recursive: true }).map(String);
    assert.ok(!names.some((name) => name.endsWith('called')), 'a compiler was called');
    const tree = runIn('npm', ['ls', 'msgpackr-extract', '--json', '--all'], { cwd: folder });
    assert.match(tree, /"msgpackr-extract": \{\s+"version": "3\.0\.4"/);
    writeFileSync(
      join(folder, 'use.js'),
      `${PUT_AND_GET}
await putAndGet(await import('ringkv'), ':memory:');
const { isNativeAccelerationEnabled } = await import('msgpackr');
console.log(isNativeAccelerationEnabled);
`,
    );
    const printed = runIn(process.execPath, ['use.js'], { cwd: folder });
    assert.equal(printed, 'Ada true empty-key\ntrue\n');
    const unpacked = bytesOf(join(folder, 'node_modules', 'ringkv'));
    const packed = statSync(tarball).size;
    assert.ok(packed < BYTES_MAX.tarball, `${packed} bytes packed`);
    assert.ok(unpacked < BYTES_MAX.unpacked, `${unpacked} bytes unpacked`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function bytesOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true }).map(String);
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

test('packing leaves out what was built of sources that are gone', LONG, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-pack-'));
  try {
    const parts = ['cli', 'src', 'test', 'bench', 'examples', 'package.json', 'tsconfig.json'];
    for (const part of parts) cpSync(part, join(folder, part), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
    mkdirSync(join(folder, 'build', 'src'), { recursive: true });
    writeFileSync(join(folder, 'build', 'src', 'gone.js'), '');
    const words = ['pack', '--json', '--loglevel=error'];
    const [packed] = JSON.parse(runIn('npm', words, { cwd: folder })) as [Packed];
    const paths = packed.files.map(({ path }) => path);
    assert.ok(paths.includes('build/src/index.js'));
    assert.ok(!paths.includes('build/src/gone.js'));
    // What `npx ringkv` runs in the folder itself.
    assert.equal(statSync(join(folder, 'build', 'cli', 'kvctl.js')).mode & 0o100, 0o100);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Of what npm prints. */
interface Packed {
  readonly files: readonly { readonly path: string }[];
}

/** As an application in strict TypeScript would, of both entry points. */
const TYPED = `import { connect, type Entry, KvError, type Space } from 'ringkv';
import { askMap, type ClusterMap } from 'ringkv/admin';

export async function use(url: string): Promise<string | undefined> {
  await using kv = await connect(url, { timeout: 1000 });
  const users: Space<{ readonly name: string }> = kv.space('user');
  const entry: Entry<{ readonly name: string }> | undefined = await users.get('7');
  const written = await users.set('7', { name: 'Ada' }, { ifVersion: entry?.version ?? 0 });
  return written.ok ? entry?.value.name : undefined;
}
export const code = (error: unknown) => (error instanceof KvError ? error.code : undefined);
export const isFull = (error: KvError): boolean => error.code === 'read-only';
export const map: Promise<ClusterMap> = askMap('kv://127.0.0.1:7400');
`;

/** CommonJS in TypeScript: a compiler that knows of `require` of modules accepts it. */
const TYPED_COMMONJS = `import ringkv = require('ringkv');
export const open: (folder: string) => Promise<ringkv.Client> = ringkv.open;
`;

/** Sets and gets a value in an embedded store. */
const PUT_AND_GET = `async function putAndGet({ open, KvError }, folder) {
  const kv = await open(folder);
  await kv.set('user:7', { name: 'Ada' });
  const { value } = await kv.get('user:7');
  const failure = await kv.set('', 1).catch((error) => error);
  await kv.close();
  console.log(value.name, failure instanceof KvError, failure.code);
}
`;

test('strict TypeScript understands its types, by both ways of resolving them', LONG, () => {
  writeFileSync(join(FOLDER, 'use.ts'), TYPED);
  writeFileSync(join(FOLDER, 'use.cts'), TYPED_COMMONJS);
  const tsc = join(process.cwd(), 'node_modules', '.bin', 'tsc');
  const types = ['--types', 'node', '--typeRoots', join(process.cwd(), 'node_modules', '@types')];
  // The declarations of the package are checked as well: there is no --skipLibCheck.
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'esnext'];
  const ways = [
    ['--module', 'nodenext', 'use.ts', 'use.cts'],
    ['--module', 'esnext', '--moduleResolution', 'bundler', 'use.ts'],
  ];
  for (const way of ways) {
    assert.equal(outputOf(tsc, [...strict, ...types, ...way]), '', way.join(' '));
  }
  writeFileSync(join(FOLDER, 'misuse.ts'), "import { askMap } from 'ringkv';\nvoid askMap;\n");
  const misuse = outputOf(tsc, [...strict, ...types, '--module', 'nodenext', 'misuse.ts']);
  assert.match(misuse, /has no exported member 'askMap'/, 'calls for tools are in ringkv/admin');
});

test('plain JavaScript imports it', LONG, () => {
  const program = `${PUT_AND_GET}await putAndGet(await import('ringkv'), './esm-data');
const { askMap } = await import('ringkv/admin');
console.log(typeof askMap);
`;
  writeFileSync(join(FOLDER, 'use.js'), program);
  assert.equal(run(process.execPath, ['use.js']), 'Ada true empty-key\nfunction\n');
});

test('CommonJS imports it, and requires it where Node can require modules', LONG, () => {
  const imports = `${PUT_AND_GET}import("ringkv").then((all) => putAndGet(all, "./imported"));\n`;
  writeFileSync(join(FOLDER, 'imports.cjs'), imports);
  assert.equal(run(process.execPath, ['imports.cjs']), 'Ada true empty-key\n');
  const requires = `${PUT_AND_GET}putAndGet(require('ringkv'), './require-data');\n`;
  writeFileSync(join(FOLDER, 'requires.cjs'), requires);
  const canRequire = (process.features as { require_module?: boolean }).require_module === true;
  const required = outputOf(process.execPath, ['requires.cjs']);
  if (canRequire) assert.equal(required, 'Ada true empty-key\n');
  else assert.match(required, /ERR_REQUIRE_ESM/, 'older ones say what to do instead');
});

test('nothing but its entry points can be imported', () => {
  writeFileSync(join(FOLDER, 'deep.js'), "await import('ringkv/build/src/client/client.js');\n");
  assert.match(outputOf(process.execPath, ['deep.js']), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
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
