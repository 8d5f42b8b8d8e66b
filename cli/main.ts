/** One call of kvctl, from arguments to exit code. Modules are loaded when they are needed. */

import { fstatSync, statSync } from 'node:fs';
import type { Call, Options } from './call.ts';
import type { Dialogue } from './dialogue.ts';
import { EXIT, type Exit } from './exit-codes.ts';
import { CliFailure, usageFailure } from './failure.ts';
import { Interruption } from './interruption.ts';
import { reportFailure } from './report-failure.ts';
import type { Store, Target } from './store.ts';
import { type Sink, type Terminal, terminalOver } from './terminal.ts';
import type { Verb } from './verb.ts';

export interface Surroundings {
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean; readonly fd?: number };
  readonly data: Sink;
  readonly notes: Sink;
  readonly readVersion: () => string;
  /** Connects to the cluster; the client library by default. */
  readonly connect?: Connect;
}

type Connect = (target: Target) => Promise<Store>;

export async function main(surroundings: Surroundings): Promise<number> {
  const { words, environment, input, data, notes, readVersion } = surroundings;
  if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
    data.write(`${readVersion()}\n`);
    return EXIT.ok;
  }
  const terminal = terminalOver({ data, notes, environment });
  data.on('error', (error: NodeJS.ErrnoException) => process.exit(endOfData(error, terminal)));
  // A closed standard error is no failure of the command.
  notes.on('error', () => {});
  const isAlone = words.length === 0 && input.isTTY === true && data.isTTY === true;
  const { parse } = await import('./program.ts');
  const { VERBS } = await import('./verbs.ts');
  const interruption = new Interruption();
  const { signal } = interruption;
  const connections = new Connections(surroundings.connect ?? connectByLibrary, signal);
  let options: Options = {};
  try {
    const program = { verbs: VERBS, version: readVersion(), environment };
    const given = isAlone ? ['shell'] : words.length === 0 ? ['--help'] : words;
    const parsed = parse(given, program);
    if (parsed.type === 'text') {
      await terminal.write(parsed.text);
      return EXIT.ok;
    }
    options = parsed.options;
    const running = { ...parsed, terminal, input, notes, connections, interruption };
    return await runVerb(parsed.verb, running);
  } catch (error) {
    // What an interrupted call was waiting for fails, and that is no news.
    return interruption.exit ?? reportFailure(error, terminal, options);
  } finally {
    await connections.close();
    interruption.end();
  }
}

/** A reader that closes the pipe, as in `kvctl scan | head`, is no failure. */
function endOfData(error: NodeJS.ErrnoException, terminal: Terminal): Exit {
  if (error.code === 'EPIPE') return EXIT.ok;
  const failure = new CliFailure({
    code: 'output',
    exit: EXIT.refused,
    message: `standard output cannot be written: ${error.message}`,
    hint: 'the output is incomplete, but the command took effect: free space, then read again',
  });
  return reportFailure(failure, terminal, {});
}

interface Running {
  readonly words: readonly string[];
  readonly command: readonly string[];
  readonly options: Options;
  readonly terminal: Terminal;
  readonly input: Surroundings['input'];
  readonly notes: Sink;
  readonly connections: Connections;
  readonly interruption: Interruption;
}

async function runVerb(
  verb: Verb,
  { words, command, options, terminal, input, notes, connections, interruption }: Running,
): Promise<number> {
  let dialogue: Promise<Dialogue> | undefined;
  const openDialogue = () => {
    dialogue ??= dialogueOver(input, notes);
    return dialogue;
  };
  const call: Call = {
    words,
    command,
    options,
    terminal,
    interruption,
    input: () => readAll(input),
    dialogue: input.isTTY === true ? openDialogue : undefined,
    store: () => connections.open(options),
  };
  const { run } = await verb.load();
  try {
    return await run(call);
  } catch (error) {
    throw await connections.explained(error);
  } finally {
    (await dialogue)?.close();
  }
}

async function dialogueOver(input: NodeJS.ReadableStream, output: Sink): Promise<Dialogue> {
  const { Dialogue } = await import('./dialogue.ts');
  return new Dialogue({ input, output, history: [] });
}

/** At most one connection, made on the first use. */
class Connections {
  readonly #connect: Connect;
  /** Ends a connection that is being made. */
  readonly #signal: AbortSignal;
  #store: Promise<Store> | undefined;

  constructor(connect: Connect, signal: AbortSignal) {
    this.#connect = connect;
    this.#signal = signal;
  }

  open(options: Options): Promise<Store> {
    this.#store ??= connectWith(options, this.#connect, this.#signal);
    return this.#store;
  }

  /** A refusal says what the user lacks. */
  async explained(error: unknown): Promise<unknown> {
    const { explained } = await import('./denial.ts');
    return await explained(error, await this.#store?.catch(() => undefined));
  }

  async close(): Promise<void> {
    // A failed connection has been reported already.
    const store = await this.#store?.catch(() => undefined);
    await store?.close();
  }
}

const TIMEOUT_MILLISECONDS = 5000;

async function connectWith(
  options: Options,
  connect: Connect,
  signal: AbortSignal,
): Promise<Store> {
  const { durationOption } = await import('./options.ts');
  const { endpointsOf } = await import('./endpoints.ts');
  const timeoutMilliseconds = durationOption(options, 'timeout') ?? TIMEOUT_MILLISECONDS;
  const { tokenSourceOf } = await import('./token-file.ts');
  const endpoints = await endpointsOf(options);
  const token = tokenSourceOf(options, endpoints.urls);
  const { noting } = await import('./denial.ts');
  return noting(await connect({ ...endpoints, token, timeoutMilliseconds, signal }));
}

async function connectByLibrary(target: Target): Promise<Store> {
  const { connectTo } = await import('./connection.ts');
  return await connectTo(target);
}

async function readAll(input: Surroundings['input']): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  if (chunks.length > 0 || !isNullDevice(input)) return Uint8Array.from(Buffer.concat(chunks));
  throw usageFailure(
    'standard input is closed, or /dev/null',
    "redirect a file or a pipe; write an empty value as ''",
  );
}

/** Node opens /dev/null in place of a closed standard input. */
function isNullDevice({ fd }: Surroundings['input']): boolean {
  if (fd === undefined || process.platform === 'win32') return false;
  return fstatSync(fd).rdev === statSync('/dev/null').rdev;
}
