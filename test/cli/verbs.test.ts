/** The table of verbs, and what is made of it: help, completion, hints. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { parse } from '../../cli/program.ts';
import { wordsOf } from '../../cli/shell-words.ts';
import { hintFor, suggest } from '../../cli/suggestions.ts';
import { namesOf, optionsOf } from '../../cli/verb.ts';
import { VERBS } from '../../cli/verbs.ts';
import { kvctl } from './called.ts';

const PROGRAM = { verbs: VERBS, version: '0', environment: {} };

test('every verb has a file, help and examples that it parses', async () => {
  const files = readdirSync('cli/commands').map((name) => name.replace(/\.ts$/, ''));
  assert.deepEqual(files.sort(), VERBS.map(({ name }) => name).sort());
  for (const { name, examples, summary } of VERBS) {
    const { exit, data } = await kvctl([name, '--help']);
    assert.equal(exit, 0);
    assert.ok(data.toString().includes(`Usage: kvctl ${name}`) || name === 'help', name);
    assert.ok(data.toString().includes(summary.slice(0, 30)), name);
    assert.ok(examples.length > 0, name);
    for (const example of examples) {
      assert.ok(data.toString().includes(example));
      // What stands around it is for the shell.
      const words = /(?:kvctl|ringkv) ([^|<>)]*)/.exec(example)?.[1] ?? '';
      assert.equal(parse(wordsOf(words), PROGRAM).type, 'verb', example);
    }
  }
});

test('a verb is called as in the library, and by its alias', async () => {
  assert.deepEqual(
    VERBS.flatMap(({ name, aliases = [] }) => aliases.map((alias) => `${alias} ${name}`)),
    ['put set', 'del delete', 'incr add'],
  );
  for (const { name, aliases = [], words } of VERBS) {
    for (const alias of aliases) {
      const called = [alias, ...words.map(() => '1')];
      const parsed = parse(called, PROGRAM);
      assert.equal(parsed.type === 'verb' && parsed.verb.name, name);
      const moved = parse(['--timeout', '1s', ...called], PROGRAM);
      assert.equal(moved.type === 'verb' && moved.verb.name, name, 'options may stand before it');
      const { words: offered } = suggest(`${alias} --de`, VERBS);
      assert.deepEqual(offered, ['--debug']);
      const help = parse(['help', alias], PROGRAM);
      assert.ok(help.type === 'text' && help.text.includes(`${name}|${alias}`), alias);
    }
  }
});

test('the options that a verb declares are parsed', () => {
  for (const verb of VERBS) {
    for (const { environment, choices, flags } of optionsOf(verb)) {
      if (environment === undefined) continue;
      const value = choices?.[0] ?? 'x';
      const words = [verb.name, ...verb.words.map(() => 'w')];
      const parsed = parse(words, { ...PROGRAM, environment: { [environment]: value } });
      const long = (/--([a-z-]+)/.exec(flags)?.[1] ?? '').replace(/-./g, ([, letter]) => {
        return (letter ?? '').toUpperCase();
      });
      assert.ok(parsed.type === 'verb');
      assert.equal(parsed.options[long], value, `${verb.name} ${flags}`);
    }
  }
});

test('kvctl without arguments prints help with the exit codes', async () => {
  const { exit, data } = await kvctl([]);
  assert.equal(exit, 0);
  assert.match(data.toString(), /Exit codes:\n {2}0 {2}done\n[\s\S]* {2}7 {2}outcome unknown/);
  assert.equal((await kvctl(['--version'])).data.toString(), '0.1.0\n');
});

/** What bash would offer for the last word. */
async function bashOffers(...words: readonly string[]): Promise<string[]> {
  const script = (await kvctl(['completion', 'bash'])).data.toString();
  const list = words.map((word) => `'${word}'`).join(' ');
  const asked = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _kvctl`;
  const shown = 'for word in $' + '{COMPREPLY[@]}; do echo $word; done';
  const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${asked}\n${shown}`]);
  assert.equal(stderr.toString(), '');
  return stdout.toString().trim().split('\n');
}

test('bash completes verbs, options and what options may be', async () => {
  assert.deepEqual(await bashOffers('kvctl', 'sta'), ['status', 'start']);
  assert.deepEqual(await bashOffers('kvctl', 'set', 'k', 'v', '--if'), [
    '--if-version',
    '--if-absent',
  ]);
  assert.deepEqual(await bashOffers('kvctl', 'scan', '-o', ''), ['table', 'json', 'ndjson', 'raw']);
  assert.deepEqual(await bashOffers('kvctl', 'status', '--output', 'j'), ['json']);
  assert.deepEqual(await bashOffers('kvctl', 'completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(await bashOffers('kvctl', 'txn', 'l'), ['list']);
  assert.deepEqual(await bashOffers('kvctl', 'txn', '--h'), ['--hex', '--help']);
});

test('zsh and fish get every verb and every option too', async () => {
  const zsh = (await kvctl(['completion', 'zsh'])).data.toString();
  const fish = (await kvctl(['completion', 'fish'])).data.toString();
  assert.match(zsh, /^#compdef kvctl\n/);
  for (const verb of VERBS) {
    assert.ok(fish.includes(`-a ${verb.name} -d '`), verb.name);
    for (const { flags } of optionsOf(verb)) {
      const long = /--([a-z0-9-]+)/.exec(flags)?.[1] ?? '';
      const names = namesOf(verb).join(' ');
      assert.ok(fish.includes(`__fish_seen_subcommand_from ${names}' -l ${long}`));
    }
  }
  assert.equal((await kvctl(['completion', 'tcsh'])).exit, 2);
});

test('a line of the shell is split into words as shells do', () => {
  const lines: readonly (readonly [line: string, words: readonly string[]])[] = [
    ['set a b', ['set', 'a', 'b']],
    ['  set   a\tb ', ['set', 'a', 'b']],
    [`set k '{"a": 1}'`, ['set', 'k', '{"a": 1}']],
    ['set "a b" ""', ['set', 'a b', '']],
    [`a'b c'd`, ['ab cd']],
    ['a\\ b "c\\"d"', ['a b', 'c"d']],
    [`'a\\b'`, ['a\\b']],
    ['set k {"a": [1, "}\\"\\n"]} -x', ['set', 'k', '{"a": [1, "}\\"\\n"]}', '-x']],
    ['get {user:7}:name [1,2]', ['get', '{user:7}:name', '[1,2]']],
    ['get {a "b c" [', ['get', '{a', 'b c', '[']],
    ['', []],
  ];
  for (const [line, words] of lines) assert.deepEqual(wordsOf(line), words, line);
  assert.throws(() => wordsOf("put 'a"), /unclosed quote '/);
});

test('the shell completes words by their position', () => {
  assert.deepEqual(suggest('sca', VERBS).words, ['scan']);
  assert.deepEqual(suggest('help ri', VERBS).words, ['ring']);
  assert.deepEqual(suggest('scan --re', VERBS).words, ['--reverse']);
  assert.deepEqual(suggest('scan -o nd', VERBS).words, ['ndjson']);
  assert.deepEqual(suggest('txn ', VERBS).words, ['list', 'resolve']);
  assert.deepEqual(suggest('txn list l', VERBS).words, []);
  assert.deepEqual(suggest('completion f', VERBS).words, ['fish']);
  const keys: Readonly<Record<string, boolean>> = {
    'get us': true,
    'del a b': true,
    'scan --prefix us': true,
    'put k va': false,
    'incr k 5': false,
    'nothing k': false,
  };
  for (const [line, isKey] of Object.entries(keys)) {
    assert.equal(suggest(line, VERBS).isKey, isKey, line);
  }
});

test('a hint is the rest of the usage', () => {
  const hints: Readonly<Record<string, string>> = {
    put: '',
    'put ': '<key> <value>',
    'put k': ' <value>',
    'put k ': '<value>',
    'put k v': '',
    'incr k ': '[by]',
    'put k --ttl ': '',
    'nothing ': '',
  };
  for (const [line, hint] of Object.entries(hints)) assert.equal(hintFor(line, VERBS), hint, line);
});
