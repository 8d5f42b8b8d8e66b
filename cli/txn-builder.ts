/** Steps that are gathered until they are sent, all at once; and what is told of their outcome. */

import { type Call, formatOf } from './call.ts';
import { plainKeyOf } from './document.ts';
import { encodeText, encodingOf } from './encoding.ts';
import { EXIT, type Exit } from './exit.ts';
import { Failure, usageFailure } from './failure.ts';
import { tableOf } from './printers/table.ts';
import { stepOf } from './steps.ts';
import type { Committed, Step } from './store.ts';

interface Gathered {
  readonly step: Step;
  readonly text: string;
  /** Where it was written: `line 3`. */
  readonly place: string;
}

export class TxnBuilder {
  readonly #call: Call;
  readonly #gathered: Gathered[] = [];

  /** Values are read from the call's input and files; its options are those of all steps. */
  constructor(call: Call) {
    this.#call = call;
  }

  get texts(): readonly string[] {
    return this.#gathered.map(({ text }) => text);
  }

  /** What is wrong with a line changes nothing. */
  async add(text: string, place: string): Promise<void> {
    try {
      const { codec } = await this.#call.store();
      const step = await stepOf(text, this.#call, codec);
      this.#refuseSecond(step);
      this.#gathered.push({ step, text, place });
    } catch (error) {
      throw error instanceof Failure ? placed(error, place) : error;
    }
  }

  /** Takes the last one back; false if there is none. */
  drop(): boolean {
    return this.#gathered.pop() !== undefined;
  }

  /** Sends all of them, and tells what came of it. */
  async commit(): Promise<Exit> {
    const steps = this.#gathered.map(({ step }) => step);
    if (steps.length === 0) {
      throw usageFailure(
        'there is no command to send',
        "give one at least: kvctl txn 'set KEY VALUE', or see `kvctl txn --help`",
      );
    }
    if (!steps.some(isWriting)) {
      throw usageFailure(
        'there are checks alone, and nothing that they could keep from happening',
        'add what shall be written; `kvctl get KEY -o json` shows a version',
      );
    }
    const store = await this.#call.store();
    const committed = await store.commit(steps);
    await tellOutcome(this.#call, steps, committed);
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
      `${key} is written by ${first.place} already`,
      'write a key once: all of it happens at one moment',
    );
  }
}

function isWriting({ type }: Step): boolean {
  return type !== 'check';
}

function placed({ told }: Failure, place: string): Failure {
  const { code, exit, hint, reasons } = told;
  return new Failure({ code, exit, hint, reasons, message: `${place}: ${told.message}` });
}

async function tellOutcome(
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
  if (version === 0) return `is not there, and should have version ${wanted}`;
  const should = wanted === 0 ? 'not be there' : `have version ${wanted}`;
  return `has version ${version}, and should ${should}`;
}
