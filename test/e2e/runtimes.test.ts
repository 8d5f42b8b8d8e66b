/**
 * The package under Bun and under Jest, which npm installs here. Where the registry cannot be
 * reached, each test says so and checks nothing more: `test/client/realm.test.ts` and
 * `test/transport/web-line.test.ts` hold what was found by them.
 */

import { equal } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { ChildNode, freePort } from './child-node.ts';
import { outputOf, pack, run } from './packed.ts';

const LONG = { timeout: 300_000 };
const FOLDER = mkdtempSync(join(tmpdir(), 'ringkv-runtimes-'));
const QUIET = ['--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline'];
let node: ChildNode | undefined;
let url = '';

before(async () => {
  writeFileSync(join(FOLDER, 'package.json'), '{"type": "module"}');
  run('npm', ['install', pack(FOLDER), ...QUIET], { cwd: FOLDER });
  const port = await freePort();
  url = `kv://127.0.0.1:${port}`;
  const words = ['--data', join(FOLDER, 'node'), '--listen', `127.0.0.1:${port}`, '--init'];
  node = await ChildNode.start(words);
}, LONG);

after(async () => {
  node?.kill('SIGKILL');
  await node?.exited;
  rmSync(FOLDER, { recursive: true, force: true });
}, LONG);

/** False, said, where npm cannot bring it. */
function hasInstalled(name: string, context: TestContext): boolean {
  const complaint = outputOf('npm', ['install', name, '--no-save', ...QUIET], { cwd: FOLDER });
  if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|E40[34]|ENOTCACHED/.test(complaint)) return true;
  context.diagnostic(`npm cannot install ${name} here, so nothing is checked: ${complaint}`);
  return false;
}

/** In memory, on disk and in a cluster: the same calls. */
const USE = `import { connect, open } from 'ringkv';
async function use(kv, what) {
  await kv.set('a', { name: 'Ada', raw: new Uint8Array([1, 2]) });
  const { value } = await kv.get('a');
  await Promise.all(Array.from({ length: 500 }, (_, at) => kv.set(['k', at], 'x'.repeat(500))));
  let rows = 0;
  for await (const _ of kv.scan({ prefix: ['k'] })) rows += 1;
  await kv.set('large', 'x'.repeat(900000));
  await kv.transaction(async (tx) => tx.set('b', (await tx.get('large')).value.length));
  const refused = await kv.set('', 1).catch((error) => error.code);
  return [what, value.name, value.raw.length, rows, (await kv.get('b')).value, refused].join(' ');
}
`;
/** Of what Jest reports. */
interface Report {
  readonly numPassedTests: number;
}

const SEEN = 'Ada 2 500 900000 empty-key';

test('Bun opens stores and connects', LONG, (context) => {
  if (!hasInstalled('bun', context)) return;
  const program = `${USE}
for (const [what, kv] of [
  ['memory', await open(':memory:')],
  ['folder', await open('./bun-data')],
  ['cluster', await connect(process.env.RINGKV_URL)],
]) {
  console.log(await use(kv, what));
  await kv.close();
}
`;
  writeFileSync(join(FOLDER, 'bun.js'), program);
  const bun = join(FOLDER, 'node_modules', '.bin', 'bun');
  const printed = run(bun, ['bun.js'], { cwd: FOLDER, env: { RINGKV_URL: url } });
  equal(printed, `memory ${SEEN}\nfolder ${SEEN}\ncluster ${SEEN}\n`);
});

test('Jest runs tests of a store, of a cluster and with the testkit', LONG, (context) => {
  if (!hasInstalled('jest', context)) return;
  const program = `${USE}
import { isKvError } from 'ringkv';
import { testkit } from 'ringkv/testkit';
for (const make of [
  () => open(':memory:'),
  () => open('./jest-data'),
  () => connect(process.env.RINGKV_URL),
  async () => (await testkit({ nodes: 3 })).kv(),
]) {
  test(String(make), async () => {
    const kv = await make();
    expect(await use(kv, 'jest')).toBe('jest ${SEEN}');
    const error = await kv.set('', 1).catch((caught) => caught);
    expect(isKvError(error)).toBe(true);
    expect(error).toBeInstanceOf(Error);
    await expect(kv.transaction(() => { throw new TypeError('mine'); })).rejects.toThrow('mine');
    await kv.close();
  }, 60000);
}
`;
  writeFileSync(join(FOLDER, 'use.test.js'), program);
  const jest = join(FOLDER, 'node_modules', 'jest', 'bin', 'jest.js');
  const flags = ['--experimental-vm-modules', '--no-warnings', jest, '--forceExit'];
  const report = ['--json', '--outputFile=report.json'];
  const env = { RINGKV_URL: url };
  const printed = outputOf(process.execPath, [...flags, ...report], { cwd: FOLDER, env });
  const found = JSON.parse(readFileSync(join(FOLDER, 'report.json'), 'utf8')) as Report;
  equal(found.numPassedTests, 4, printed);
});
