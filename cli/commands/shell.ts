/** `kvctl` alone: verbs line by line, with history, completion of verbs and keys, and hints. */

import { appendFileSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Call, Options } from '../call.ts';
import { endpointsOf } from '../endpoints.ts';
import { EXIT, type Exit } from '../exit.ts';
import { usageFailure } from '../failure.ts';
import { parse } from '../program.ts';
import { wordsOf } from '../shell-words.ts';
import { behind } from '../span.ts';
import { textOf } from '../spelling.ts';
import { hintFor, suggest } from '../suggestions.ts';
import { tell } from '../tell.ts';
import { painted } from '../terminal.ts';
import { VERBS } from '../verbs.ts';

const HISTORY_LINES = 1000;
const KEYS_SUGGESTED = 50;
const KEY_MILLISECONDS = 1000;

/** These run until they are stopped, so they have no place between two lines. */
const OUTSIDE = new Set(['start', 'init', 'dev', 'shell']);
const SHELL_VERBS = VERBS.filter(({ name }) => !OUTSIDE.has(name));

/** The options that lead to the cluster are those of the shell itself. */
const INHERITED = ['url', 'config', 'timeout', 'debug'] as const;

export async function run(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const [url = ''] = await endpointsOf(options);
  terminal.note('kvctl: help lists the verbs, Tab completes verbs and keys, exit or Ctrl-D ends');
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: `${terminal.paint(url.replace(/^\w+:\/\//, ''), 'cyan')}> `,
    history: readHistory(),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string, done: (error: null, found: [string[], string]) => void) => {
      completionsOf(line, call).then(
        (found) => done(null, found),
        () => done(null, [[], line]),
      );
    },
  });
  if (terminal.isWatched) showHints(lines);
  lines.on('SIGINT', () => {
    lines.write(null, { ctrl: true, name: 'u' });
    lines.prompt();
  });
  lines.prompt();
  for await (const line of lines) {
    if (/^\s*(?:exit|quit)\s*$/.test(line)) break;
    if (line.trim() !== '') await runLine(line, call);
    lines.prompt();
  }
  lines.close();
  return EXIT.ok;
}

async function runLine(line: string, call: Call): Promise<void> {
  const { terminal, options } = call;
  keepHistory(line);
  try {
    const program = { verbs: SHELL_VERBS, version: '', environment: process.env };
    const parsed = parse(wordsOf(line), program);
    if (parsed.type === 'text') return await terminal.write(parsed.text);
    const module = await parsed.verb.load();
    const inherited: Options = Object.fromEntries(INHERITED.map((name) => [name, options[name]]));
    await module.run({
      ...call,
      words: parsed.words,
      options: { ...parsed.options, ...inherited },
      input: () => {
        throw usageFailure('the shell itself reads standard input', 'use a value, or @file');
      },
    });
  } catch (error) {
    tell(error, terminal, options);
  }
}

async function completionsOf(line: string, call: Call): Promise<[string[], string]> {
  const { words, word, isKey } = suggest(line, SHELL_VERBS);
  if (!isKey) return [words.map((name) => (words.length === 1 ? `${name} ` : name)), word];
  const late = new Promise<string[]>((resolve) => {
    setTimeout(resolve, KEY_MILLISECONDS, []).unref();
  });
  return [await Promise.race([keysBeginningWith(word, call), late]), word];
}

async function keysBeginningWith(word: string, call: Call): Promise<string[]> {
  const from = new TextEncoder().encode(word);
  const store = await call.store();
  const { entries } = store.scan({
    from,
    to: behind(from),
    isReverse: false,
    isKeysOnly: true,
    limit: KEYS_SUGGESTED,
    cursor: undefined,
  });
  const keys: string[] = [];
  for await (const { key } of entries) {
    const text = textOf(key);
    // Others would have to be quoted, and what was written would no longer be their beginning.
    if (text !== undefined && !/[\s'"\\\p{Cc}]/u.test(text)) keys.push(text);
  }
  return keys;
}

/** Behind the cursor, after each key that was pressed. */
function showHints(lines: Interface): void {
  process.stdin.on('keypress', () => {
    setImmediate(() => {
      const isAtEnd = lines.cursor === lines.line.length;
      const hint = isAtEnd ? hintFor(lines.line, SHELL_VERBS) : '';
      if (lines.line !== '' && isAtEnd) {
        process.stdout.write(`\u001b7\u001b[K${hint === '' ? '' : painted(hint, 'dim')}\u001b8`);
      }
    });
  });
}

function historyPath(): string {
  return process.env.RINGKV_HISTORY ?? join(homedir(), '.kvctl_history');
}

/** The newest line first, as the reader of lines wants it. */
function readHistory(): string[] {
  try {
    const lines = readFileSync(historyPath(), 'utf8').trimEnd().split('\n');
    return lines.slice(-HISTORY_LINES).reverse();
  } catch {
    return [];
  }
}

/** A shell without history is still a shell. */
function keepHistory(line: string): void {
  try {
    appendFileSync(historyPath(), `${line}\n`, { mode: 0o600 });
  } catch {}
}
