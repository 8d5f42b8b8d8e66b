/** At a real terminal: what is typed at a prompt for a password appears nowhere. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { pause } from './child-node.ts';

const LONG = { timeout: 60_000 };
const KVCTL = 'node build/cli/kvctl.js';
const PROMPTS = [/new password \(it is not shown\):/, /the same again:/];

/** util-linux gives the command a terminal of its own; what it shows comes out here. */
const hasTerminal = spawnSync('script', ['--version']).status === 0;

interface Shown {
  readonly text: string;
  readonly exit: number | null;
}

/** Types each line when its prompt is there. */
async function typed(words: string, lines: readonly string[]): Promise<Shown> {
  const child = spawn('script', ['-qec', `${KVCTL} ${words}`, '/dev/null']);
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  const ended = new Promise<number | null>((done) => child.on('close', done));
  for (const [at, line] of lines.entries()) {
    const prompt = PROMPTS[at] ?? /$/;
    while (!prompt.test(text) && child.exitCode === null) await pause(20);
    child.stdin.write(`${line}\r`);
  }
  return { exit: await ended, text };
}

const NO_NODE = '--url kv://127.0.0.1:1 --timeout 200ms';

test('a new password is asked for twice, and neither is shown', LONG, async (t) => {
  if (!hasTerminal) return t.diagnostic('script of util-linux is missing: nothing is tried');
  const lines = ['correct horse', 'another horse'];
  const other = await typed(`user password ann ${NO_NODE}`, lines);
  assert.equal(other.exit, 2, other.text);
  assert.match(other.text, /the two passwords differ/);
  const same = await typed(`user password ann ${NO_NODE}`, ['correct horse', 'correct horse']);
  assert.notEqual(same.exit, 2, 'it got as far as the cluster, which is not there');
  assert.match(same.text, /no node could pass the change/);
  for (const { text } of [other, same]) assert.doesNotMatch(text, /horse/);
});
