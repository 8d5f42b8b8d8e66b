/** Reads lines from the user at a terminal, with history, completion and hints. */

import { createInterface, type Interface } from 'node:readline';
import { painted } from './terminal.ts';

type Completions = readonly [words: readonly string[], word: string];

export interface Prompt {
  readonly prompt: string;
  /** The effect of Ctrl-C: end the dialogue as Ctrl-D does, or discard the current line. */
  readonly onInterrupt: 'end' | 'drop';
  readonly complete: (line: string) => Promise<Completions>;
  /** The rest of the usage, shown after the cursor. */
  readonly hint: (line: string) => string;
}

interface DialogueOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** The newest line first. */
  readonly history: readonly string[];
}

const HISTORY_LINES = 1000;
/** Limit of lines read ahead; at the limit, input is paused. */
const EARLY_LINES = 1000;

export class Dialogue {
  readonly #lines: Interface;
  readonly #output: NodeJS.WritableStream;
  /** Lines that arrived before the next prompt, for example pasted ones. */
  readonly #early: string[] = [];
  #question: Prompt | undefined;
  #answer: ((line: string | undefined) => void) | undefined;
  #isOver = false;

  constructor({ input, output, history }: DialogueOptions) {
    this.#output = output;
    this.#lines = createInterface({
      input,
      output,
      history: [...history],
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, found: [string[], string]) => void) => {
        const nothing = [[], line] as const;
        const found = this.#question?.complete(line) ?? Promise.resolve(nothing);
        const tell = ([words, word]: Completions) => done(null, [[...words], word]);
        found.then(tell, () => tell(nothing));
      },
    });
    this.#lines.on('line', (line) => {
      if (this.#answer !== undefined) return this.#give(line);
      this.#early.push(line);
      if (this.#early.length >= EARLY_LINES) this.#lines.pause();
    });
    this.#lines.on('SIGINT', () => this.#interrupt());
    this.#lines.on('close', () => {
      this.#isOver = true;
      this.#give(undefined);
    });
    if (output.isTTY === true) input.on('keypress', () => setImmediate(() => this.#showHint()));
  }

  /** Undefined at the end of the input. */
  ask(question: Prompt): Promise<string | undefined> {
    this.#question = question;
    const line = this.#early.shift();
    if (line !== undefined || this.#isOver) return Promise.resolve(line);
    this.#lines.setPrompt(question.prompt);
    this.#lines.prompt();
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  /** Safe to call twice. */
  close(): void {
    this.#lines.close();
  }

  #give(line: string | undefined): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(line);
  }

  #interrupt(): void {
    if (this.#question?.onInterrupt === 'end') {
      this.#output.write('\n');
      this.#early.length = 0;
      return this.#give(undefined);
    }
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#lines.prompt();
  }

  #showHint(): void {
    const { line, cursor } = this.#lines;
    if (this.#answer === undefined || line === '' || cursor !== line.length) return;
    const hint = this.#question?.hint(line) ?? '';
    this.#output.write(`\u001b7\u001b[K${hint === '' ? '' : painted(hint, 'dim')}\u001b8`);
  }
}
