/**
 * A process that loads a cluster with writes and prints the results: with a number of callers that
 * each wait for their previous call (closed), or at a fixed rate a second (open).
 */

import { type Client, connect, KvError } from '../../../src/index.ts';

export interface LoadInstructions {
  readonly urls: readonly string[];
  /** Clients, each with connections of its own. */
  readonly clients: number;
  readonly seconds: number;
  /** Closed loop: callers in all. Open loop: calls a second in all. */
  readonly callers?: number;
  readonly rate?: number;
}

export interface LoadResult {
  readonly acknowledged: number;
  readonly milliseconds: number;
  /** By the code and the outcome of the error. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that this process could not make in time. */
  readonly unmade: number;
}

const KEYS = 100_000;
const VALUE = new Uint8Array(256).fill(118);
const TIMEOUT_MILLISECONDS = 5000;
const TURN_MILLISECONDS = 5;
/** Beyond it no call is made: this process has to survive. */
const OPEN_MAX = 100_000;

const instructions = JSON.parse(process.argv[2] ?? '{}') as LoadInstructions;
const { urls, seconds, callers, rate = 0 } = instructions;
const clients: Client[] = [];
for (let at = 0; at < instructions.clients; at++) {
  clients.push(await connect(urls, { timeout: 30_000 }));
}

const errors: Record<string, number> = {};
let acknowledged = 0;
let open = 0;
let made = 0;
let unmade = 0;
let isOver = false;

async function write(): Promise<void> {
  const kv = clients[made % clients.length] as Client;
  made += 1;
  open += 1;
  try {
    await kv.set(`load-${Math.floor(Math.random() * KEYS)}`, VALUE, {
      timeout: TIMEOUT_MILLISECONDS,
    });
    if (!isOver) acknowledged += 1;
  } catch (error) {
    const name = error instanceof KvError ? `${error.code} ${error.outcome}` : String(error);
    errors[name] = (errors[name] ?? 0) + 1;
  }
  open -= 1;
}

async function call(): Promise<void> {
  while (!isOver) await write();
}

/** As many as are due by now. */
function turn(began: number): void {
  const due = Math.floor(((performance.now() - began) / 1000) * rate);
  while (made + unmade < due) {
    if (open >= OPEN_MAX) unmade += 1;
    // Each handles its own failure.
    else write().catch(() => undefined);
  }
}

const began = performance.now();
const calls = Array.from({ length: callers ?? 0 }, () => call());
const timer = rate > 0 ? setInterval(() => turn(began), TURN_MILLISECONDS) : undefined;
await new Promise((resume) => setTimeout(resume, seconds * 1000));
const milliseconds = performance.now() - began;
isOver = true;
clearInterval(timer);
await Promise.all(calls);
const result: LoadResult = { acknowledged, milliseconds, errors, unmade };
console.log(JSON.stringify(result));
process.exit();
