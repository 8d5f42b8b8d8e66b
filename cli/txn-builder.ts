/** Collects the steps of a transaction, commits them, and reports the outcome. */

import { type Call, formatOf } from './call.ts';
import { plainKeyOf } from './document.ts';
import { encodeText, encodingOf } from './encoding.ts';
import { EXIT, type Exit } from './exit-codes.ts';
import { CliFailure, usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import { tableOf } from './printers/table.ts';
import { stepOf } from './steps.ts';
import type { Committed, Step } from './store.ts';

interface Gathered {
  readonly step: Step;
  readonly text: string;
  /** The position in the input: `line 3`. */
  readonly place: string;
}

export class TxnBuilder {
  readonly #call: Call;
  readonly #gathered: Gathered[] = [];

  /** Values are read from the call's input and files; the call's options apply to all steps. */
  constructor(call: Call) {
    this.#call = call;
  }

  get texts(): readonly string[] {
    return this.#gathered.map(({ text }) => text);
  }

  /** An invalid line leaves the steps unchanged. */
  async add(text: string, place: string): Promise<void> {
    try {
      const { codec } = await this.#call.store();
      const step = await stepOf(text, this.#call, codec);
      this.#refuseSecond(step);
      this.#gathered.push({ step, text, place });
    } catch (error) {
      throw error instanceof CliFailure ? placed(error, place) : error;
    }
  }

  /** Removes the last step; false if there is none. */
  drop(): boolean {
    return this.#gathered.pop() !== undefined;
  }

  /** Commits all steps and reports the outcome. */
  async commit(): Promise<Exit> {
    const steps = this.#gathered.map(({ step }) => step);
    if (steps.length === 0) {
      throw usageFailure(
        'the transaction has no commands',
        "add at least one: kvctl txn 'set KEY VALUE', or see `kvctl txn --help`",
      );
    }
    if (!steps.some(isWriting)) {
      throw usageFailure(
        'the transaction has only checks and writes nothing',
        'add a write; to read a version, use `kvctl get KEY -o json`',
      );
    }
    const store = await this.#call.store();
    const committed = await store.commit(steps, textOption(this.#call.options, 'fence'));
    await reportOutcome(this.#call, steps, committed);
    return committed.isCommitted ? EXIT.ok : EXIT.no;
  }

  #refuseSecond(step: Step): void {
    if (!isWriting(step)) return;
    const first = this.#gathered.find(({ step: other }) => {
      return isWriting(other) && Buffer.compare(other.key, step.key) === 0;
    });
    if (first === undefined) return;
    const key = encodeText(step.key, encodingOf(this.#call.options));
    throw usageFailure(
      `${key} is already written by ${first.place}`,
      'write each key once: all commands take effect at the same time',
    );
  }
}

function isWriting({ type }: Step): boolean {
  return type !== 'check';
}

function placed({ report }: CliFailure, place: string): CliFailure {
  const { code, exit, hint, reasons } = report;
  return new CliFailure({ code, exit, hint, reasons, message: `${place}: ${report.message}` });
}

async function reportOutcome(
  call: Call,
  steps: readonly Step[],
  committed: Committed,
): Promise<void> {
  const { options, terminal } = call;
  const format = formatOf(call);
  const isForPrograms = format === 'json' || format === 'ndjson';
  if (!committed.isCommitted) {
    const { key, version } = committed;
    if (isForPrograms) {
      const plain = { committed: false, key: plainKeyOf(key), version };
      await terminal.write(`${JSON.stringify(plain)}\n`);
    }
    const spelled = encodeText(key, encodingOf(options));
    return terminal.note(`nothing was written: ${spelled} ${stateText(steps, committed)}`);
  }
  const written = steps.flatMap((step, at) => {
    return isWriting(step) ? [{ step, version: committed.versions[at] ?? 0 }] : [];
  });
  if (isForPrograms) {
    const versions = written.map(({ step, version }) => ({ key: plainKeyOf(step.key), version }));
    return await terminal.write(`${JSON.stringify({ committed: true, versions })}\n`);
  }
  if (format === 'raw') return await terminal.write(`${written[0]?.version ?? 0}\n`);
  const rows = written.map(({ step, version }) => {
    return [encodeText(step.key, encodingOf(options)), version === 0 ? 'deleted' : String(version)];
  });
  const columns = [{ title: 'KEY' }, { title: 'VERSION', isNumber: true }];
  await terminal.write(`committed\n${tableOf(terminal, columns, rows)}`);
}

function stateText(
  steps: readonly Step[],
  { key, version }: { readonly key: Uint8Array; readonly version: number },
): string {
  const check = steps.find((step) => {
    return step.type === 'check' && Buffer.compare(step.key, key) === 0;
  });
  const wanted = check?.type === 'check' ? check.version : 0;
  if (version === 0) return `does not exist; expected version ${wanted}`;
  const expected = wanted === 0 ? 'no such key' : `version ${wanted}`;
  return `has version ${version}; expected ${expected}`;
}
