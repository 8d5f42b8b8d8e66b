/** The rules of the project as a program. Each rule is also shown trees that break it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { referenceOf } from './support/api/reference.ts';
import { API_RULES } from './support/tidy/api-rules.ts';
import { FORM_RULES } from './support/tidy/form-rules.ts';
import { IMPORT_RULES } from './support/tidy/import-rules.ts';
import { LIFE_RULES } from './support/tidy/life-rules.ts';
import { NAME_RULES } from './support/tidy/name-rules.ts';
import { PROCESS_RULES } from './support/tidy/process-rules.ts';
import { README_RULES } from './support/tidy/readme-rules.ts';
import { scan } from './support/tidy/scanner.ts';
import { SHAPE_RULES } from './support/tidy/shape-rules.ts';
import { plantTree, type Rule, readTree } from './support/tidy/tree.ts';
import { WORD_RULES } from './support/tidy/word-rules.ts';

const RULES = [
  ...IMPORT_RULES,
  ...WORD_RULES,
  ...NAME_RULES,
  ...SHAPE_RULES,
  ...LIFE_RULES,
  ...FORM_RULES,
  ...API_RULES,
  ...PROCESS_RULES,
  ...README_RULES,
];
const house = readTree('.');

for (const rule of RULES) {
  test(rule.sentence, () => {
    const breaches = rule.find(house);
    assert.ok(breaches.length === 0, `${breaches.length} breaches:\n${breaches.join('\n')}`);
  });
  test(`a breach is told, and nothing else: ${rule.sentence}`, () => assertTells(rule));
}

test('docs/API.md is current', () => {
  const lines = (house.texts.get('docs/API.md') ?? '').split('\n');
  const current = referenceOf(house).split('\n');
  const at = current.findIndex((line, index) => line !== lines[index]);
  const told = `line ${at + 1} is ${JSON.stringify(lines[at])}; run \`make docs\` and commit it`;
  assert.ok(at < 0 && lines.length === current.length, told);
});

/** A rule that cannot fail is a defect, and so is one that fails for nothing. */
function assertTells({ find, broken, sound }: Rule): void {
  assert.ok(broken.length > 0 && sound.length > 0, 'a rule shows both kinds of trees');
  for (const texts of broken) {
    const breaches = find(plantTree(texts));
    assert.notEqual(breaches.length, 0, `not reported: ${JSON.stringify(texts)}`);
    for (const breach of breaches) assert.match(breach, /^[^:]+:\d+: \S/);
  }
  for (const texts of sound) assert.deepEqual(find(plantTree(texts)), [], JSON.stringify(texts));
}

test('the tree under the rules is the whole house', () => {
  const paths = house.sources.map(({ path }) => path);
  for (const path of ['src/base/assert.ts', 'test/run.ts', 'test/tidy.test.ts']) {
    assert.ok(paths.includes(path), path);
  }
  assert.ok(house.texts.has('Makefile') && house.texts.has('package.json'));
});

test('the scanner tells code from comments and literals', () => {
  const cases: readonly (readonly [text: string, code: string, comments: string])[] = [
    ["a = 'b'; // c", "a = ' ';     ", '         // c'],
    ['a /* b */ + 1', 'a         + 1', '  /* b */    '],
    ["'//' + a", "'  ' + a", '        '],
    ["'\\'' + a", "'  ' + a", '        '],
    ['`a§{b + `c§{d}`}e` + f', '` §{b + ` §{d}`} ` + f', ' '.repeat(22)],
    ['`§{{ a: `}` }.a}` + b', '`§{{ a: ` ` }.a}` + b', ' '.repeat(21)],
    ["/'[/]/.test(a)", '/    /.test(a)', ' '.repeat(14)],
    ['a / b / c', 'a / b / c', ' '.repeat(9)],
    ["return /'/ + a", 'return / / + a', ' '.repeat(14)],
    ['(a) / b // c', '(a) / b     ', '        // c'],
    ['/* a', '    ', '/* a'],
    ["'a\nb", "' \nb", '  \n '],
  ];
  // The linter takes a dollar and a brace in quotes for a template with the wrong quotes.
  const dollars = (text: string) => text.replaceAll('§', '$');
  for (const [text, code, comments] of cases) {
    assert.deepEqual(scan(dollars(text)), { code: dollars(code), comments });
  }
});
