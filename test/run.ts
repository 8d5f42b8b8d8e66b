/**
 * The runner of the tests: `node build/test/run.js unit [part of a path ...]` for `make check`,
 * and `e2e` for those that kill real processes. It lists the tests of the source tree, so that
 * what an earlier build left of a deleted test never runs.
 */

import { existsSync, readdirSync } from 'node:fs';
import { run } from 'node:test';
import { spec as SpecReporter } from 'node:test/reporters';

const SOURCE_FOLDER = 'test';
const BUILD_FOLDER = 'build';
const PROCESS_FOLDER = 'test/e2e/';
const FILES_AT_ONCE = 2;

function listTests(suite: string, filters: readonly string[]): string[] {
  return readdirSync(SOURCE_FOLDER, { recursive: true, encoding: 'utf8' })
    .map((path) => `${SOURCE_FOLDER}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => path.startsWith(PROCESS_FOLDER) === (suite === 'e2e'))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}

function builtFrom(path: string): string {
  return `${BUILD_FOLDER}/${path.replace(/\.ts$/, '.js')}`;
}

function end(problem: string): never {
  console.error(problem);
  process.exit(1);
}

/** The reporter names the failures after its counts; the counts are said again as the last line. */
function report(files: readonly string[]): void {
  const counts = new Map([
    ['tests', 0],
    ['pass', 0],
    ['fail', 0],
    ['cancelled', 0],
  ]);
  let isFailed = false;
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps`;
  const stream = run({ files: [...files], concurrency: FILES_AT_ONCE });
  stream.on('test:fail', () => {
    isFailed = true;
  });
  stream.on('test:diagnostic', ({ message, nesting }) => {
    const [name = '', count] = message.split(' ');
    if (nesting === 0 && counts.has(name)) counts.set(name, Number(count));
  });
  stream.compose(new SpecReporter()).pipe(process.stdout);
  process.on('exit', () => {
    if (isFailed || counts.get('tests') === 0) process.exitCode = 1;
    console.log([...counts].map(([name, count]) => `${name} ${count}`).join(', '));
  });
}

const [suite, ...filters] = process.argv.slice(2);
if (suite !== 'unit' && suite !== 'e2e') {
  end('usage: node build/test/run.js unit|e2e [part of a path ...]');
}
const tests = listTests(suite, filters);
if (tests.length === 0) end(`no test matches ${filters.join(' ') || SOURCE_FOLDER}`);
const unbuilt = tests.filter((path) => !existsSync(builtFrom(path)));
if (unbuilt.length > 0) end(`not built: ${unbuilt.join(', ')}`);
report(tests.map(builtFrom));
