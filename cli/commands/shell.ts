/** `kvctl` without a verb: an interactive shell with history, completion and hints. */

import { appendFileSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Call, Options } from '../call.ts';
import { explained } from '../denial.ts';
import { Dialogue, type Prompt } from '../dialogue.ts';
import { endpointsOf } from '../endpoints.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { keysBeginningWith } from '../key-completion.ts';
import { parse } from '../program.ts';
import { reportFailure } from '../report-failure.ts';
import { wordsOf } from '../shell-words.ts';
import { hintFor, suggest } from '../suggestions.ts';
import { VERBS } from '../verbs.ts';

const HISTORY_LINES = 1000;

/** They run until they are stopped, or need the terminal for themselves: the shell lacks them. */
const OUTSIDE = new Set(['start', 'init', 'dev', 'shell', 'watch', 'lock', 'elect', 'login']);
const SHELL_VERBS = VERBS.filter(({ name }) => !OUTSIDE.has(name));

/** Connection options come from the shell's own call. */
const INHERITED = ['url', 'config', 'cluster', 'timeout', 'debug'] as const;

export async function run(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const { urls } = await endpointsOf(options);
  const [url = ''] = urls;
  terminal.note('kvctl: help lists the verbs, Tab completes verbs and keys, exit or Ctrl-D quits');
  const { stdin: input, stdout: output } = process;
  const dialogue = new Dialogue({ input, output, history: readHistory() });
  const question: Prompt = {
    prompt: `${terminal.paint(url.replace(/^\w+:\/\//, ''), 'cyan')}> `,
    onInterrupt: 'drop',
    complete: (line) => completionsOf(line, call),
    hint: (line) => hintFor(line, SHELL_VERBS),
  };
  const inside = { ...call, dialogue: () => Promise.resolve(dialogue) };
  for (;;) {
    const line = await dialogue.ask(question);
    if (line === undefined || /^\s*(?:exit|quit)\s*$/.test(line)) break;
    if (line.trim() !== '') await runLine(line, inside);
  }
  dialogue.close();
  return EXIT.ok;
}

async function runLine(line: string, call: Call): Promise<void> {
  const { terminal, options } = call;
  keepHistory(line);
  try {
    const program = { verbs: SHELL_VERBS, version: '', environment: process.env };
    const words = wordsOf(line);
    const outside = `outside of it: kvctl ${line.trim()}`;
    if (OUTSIDE.has(words[0] ?? ''))
      throw usageFailure(`the shell cannot run ${words[0]}`, outside);
    const parsed = parse(words, program);
    if (parsed.type === 'text') return await terminal.write(parsed.text);
    // The shell would show what is typed, and keep it as one of its lines.
    if (parsed.verb.name === 'user' && parsed.words[0] === 'password') {
      throw usageFailure('the shell cannot ask for a password', outside);
    }
    const module = await parsed.verb.load();
    const inherited: Options = Object.fromEntries(INHERITED.map((name) => [name, options[name]]));
    await module.run({
      ...call,
      words: parsed.words,
      options: { ...parsed.options, ...inherited },
      input: () => {
        throw usageFailure('standard input is in use by the shell', 'use a value, or @file');
      },
    });
  } catch (error) {
    const store = await call.store().catch(() => undefined);
    reportFailure(await explained(error, store), terminal, options);
  }
}

async function completionsOf(line: string, call: Call): ReturnType<Prompt['complete']> {
  const { words, word, isKey } = suggest(line, SHELL_VERBS);
  if (isKey) return [await keysBeginningWith(word, call), word];
  return [words.map((name) => (words.length === 1 ? `${name} ` : name)), word];
}

function historyPath(): string {
  return process.env.RINGKV_HISTORY ?? join(homedir(), '.kvctl_history');
}

/** The newest line first, as readline requires. */
function readHistory(): string[] {
  try {
    const lines = readFileSync(historyPath(), 'utf8').trimEnd().split('\n');
    return lines.slice(-HISTORY_LINES).reverse();
  } catch {
    return [];
  }
}

/** The shell works without a history file. */
function keepHistory(line: string): void {
  try {
    appendFileSync(historyPath(), `${line}\n`, { mode: 0o600 });
  } catch {}
}
