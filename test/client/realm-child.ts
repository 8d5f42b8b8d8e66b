/**
 * A program that runs the library in a `node:vm` context, as Jest does: the code of the package and
 * of the application has globals of its own, and what Node and native packages return does not.
 * Started with `--experimental-vm-modules`; prints what the application saw.
 */

import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { startNode } from '../../src/runtime/node.ts';

/** What the environment of Jest passes on; bytes, errors, maps and promises are the context's. */
const PASSED_ON = [
  'AbortController',
  'AbortSignal',
  'Buffer',
  'DOMException',
  'Event',
  'EventTarget',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'WebSocket',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'structuredClone',
] as const;

const BUILD = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [folder = ''] = process.argv.slice(2);

const globals = globalThis as unknown as Readonly<Record<string, unknown>>;
const context = vm.createContext(
  Object.fromEntries(PASSED_ON.map((name) => [name, globals[name]])),
);
const modules = new Map<string, vm.Module>();
const commonModules = new Map<string, { exports: unknown }>();
const require = createRequire(import.meta.url);

/** Modules of Node itself are as they are; all others are compiled in the context. */
function moduleAt(specifier: string, importer: string): vm.Module {
  const name = isBuiltin(specifier) ? specifier : pathOf(specifier, importer);
  const known = modules.get(name);
  if (known !== undefined) return known;
  const made = isBuiltin(name) ? syntheticModule(name, require(name)) : moduleIn(name);
  modules.set(name, made);
  return made;
}

function pathOf(specifier: string, importer: string): string {
  if (specifier.startsWith('.')) return fileURLToPath(new URL(specifier, pathToFileURL(importer)));
  return createRequire(importer).resolve(specifier);
}

function moduleIn(path: string): vm.Module {
  const isOwn = !path.includes('node_modules');
  if (isOwn || path.endsWith('.mjs')) return sourceModule(path, readFileSync(path, 'utf8'));
  return syntheticModule(path, commonModule(path));
}

/** As Jest runs CommonJS; native code is that of the process. */
function commonModule(path: string): unknown {
  const known = commonModules.get(path);
  if (known !== undefined) return known.exports;
  const resolve = createRequire(path);
  const module: { exports: unknown } = { exports: {} };
  commonModules.set(path, module);
  if (path.endsWith('.json')) module.exports = JSON.parse(readFileSync(path, 'utf8'));
  else {
    const requireIn = (specifier: string): unknown => {
      const target = resolve.resolve(specifier);
      const isForeign = isBuiltin(target) || target.endsWith('.node') || isNative(target);
      return isForeign ? resolve(specifier) : commonModule(target);
    };
    const names = ['exports', 'require', 'module', '__filename', '__dirname'];
    const text = readFileSync(path, 'utf8');
    const run = vm.compileFunction(text, names, { filename: path, parsingContext: context });
    run(module.exports, requireIn, module, path, dirname(path));
  }
  return module.exports;
}

/** It finds the native code of another package. */
function isNative(path: string): boolean {
  return path.includes('node-gyp-build') || path.includes('msgpackr-extract');
}

function sourceModule(identifier: string, text: string): vm.Module {
  return new vm.SourceTextModule(text, {
    identifier,
    context,
    initializeImportMeta: (meta) => {
      meta.url = pathToFileURL(identifier).href;
    },
    importModuleDynamically: (async (specifier: string) =>
      await ready(await moduleAt(specifier, identifier))) as never,
  });
}

function syntheticModule(name: string, whole: unknown): vm.Module {
  const exported: Readonly<Record<string, unknown>> = { ...Object(whole), default: whole };
  const names = Object.keys(exported);
  const made = new vm.SyntheticModule(
    names,
    () => {
      for (const one of names) made.setExport(one, exported[one]);
    },
    { identifier: name, context },
  );
  return made;
}

let linking: Promise<unknown> = Promise.resolve();

/** One after the other: a module that is being linked cannot be linked again. */
async function ready(module: vm.Module): Promise<vm.Module> {
  linking = linking.then(async () => {
    if (module.status !== 'unlinked') return;
    await module.link(async (specifier, { identifier }) => await moduleAt(specifier, identifier));
  });
  await linking;
  await module.evaluate();
  return module;
}

const node = await startNode({
  folder: join(folder, 'node'),
  listen: { host: '127.0.0.1', port: 0 },
  advertise: {},
  weight: 1,
  name: '',
  zone: '',
  isInsecureAllowed: false,
  valueBytesMax: 1024 * 1024,
  join: [],
  logLevel: 'silent',
  init: { shards: 2, replicas: 3 },
});

/** What an application does, with objects of its own realm. */
const APPLICATION = `
import { bytes, connect, isKvError, KvError, open } from './src/index.js';
import { testkit } from './src/testkit.js';

async function use(kv, what) {
  const seen = [];
  await kv.set('a', { name: 'Ada', raw: new Uint8Array([1, 2]), at: new Date(7), list: [1, 2] });
  const { value } = await kv.get('a');
  seen.push(value.name, value.raw.length, Number(value.at), value.list.length);
  await kv.set(new Uint8Array([1]), 1);
  await kv.set(['t', new Uint8Array([4]), 5], 2);
  for await (const { key } of kv.scan({ prefix: ['t'], keys: 'tuple' })) seen.push(key.length);
  const raw = kv.space('raw', { codec: bytes });
  await raw.set('x', new Uint8Array([1]));
  await raw.append('x', new Uint8Array([2]));
  seen.push((await raw.get('x')).value.length);
  const refused = await kv.set('', 1).catch((error) => error);
  seen.push(isKvError(refused), refused instanceof KvError, refused instanceof Error);
  const thrown = await kv.transaction(() => { throw new TypeError('mine'); }).catch((e) => e);
  seen.push(thrown.message, thrown instanceof TypeError);
  const aborter = new AbortController();
  aborter.abort(new RangeError('why'));
  const aborted = await kv.get('a', { signal: aborter.signal }).catch((error) => error);
  seen.push(aborted.code, aborted.cause.message);
  const large = await kv.set('f', { f() {} }).catch((error) => error);
  seen.push(large.code);
  await kv.close();
  console.log(what, JSON.stringify(seen));
}

await use(await open(':memory:'), 'memory');
await use(await open(FOLDER), 'folder');
await use(await open(FOLDER), 'again');
await use(await connect(URL_OF_NODE), 'cluster');
const kit = await testkit({ nodes: 3 });
await use(kit.kv(), 'testkit');
await kit.close();
const refused = await connect('127.0.0.1:1').catch((error) => error);
console.log(refused.code);
`;

const application = APPLICATION.replaceAll('FOLDER', JSON.stringify(join(folder, 'store'))).replace(
  'URL_OF_NODE',
  JSON.stringify(node.clientUrl),
);
await ready(sourceModule(join(BUILD, 'application.js'), application));
await node.stop();
