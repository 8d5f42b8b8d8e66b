/** The README's example of an embedded store is run verbatim. */

import { equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

test('the example of an embedded store does what it says', (context) => {
  const section = readFileSync('README.md', 'utf8').split('## In your own process')[1] ?? '';
  const example = section.match(/```js\n([\s\S]*?)```/)?.[1] ?? '';
  match(example, /open\('\.\/data'\)/);
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-readme-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const library = pathToFileURL(resolve('build/src/index.js')).href;
  // Node 20 supports everything of `await using` except the syntax.
  const text = example.replace("'ringkv'", `'${library}'`).replace('await using', 'const');
  writeFileSync(join(folder, 'example.mjs'), `${text}await kv.close();\n`);
  const options = { cwd: folder, encoding: 'utf8', timeout: 30_000 } as const;
  equal(execFileSync(process.execPath, ['example.mjs'], options), "{ name: 'Ada' }\n");
});
