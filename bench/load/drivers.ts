/** The client processes that put load on ringkv, as one: callers and rate are split over them. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endChild, watchChild } from '../peers/children.ts';
import { Latencies } from './latencies.ts';
import type { Order, Seen, Shape } from './measurement.ts';
import type { Done } from './workloads/workload.ts';

const DRIVER = fileURLToPath(new URL('./driver.js', import.meta.url));

export interface DriverSetting {
  readonly urls: readonly string[];
  readonly shape: Shape;
  /** The number of this process. */
  readonly process: number;
  readonly clients: number;
}

export type DriverOrder =
  | { readonly type: 'fill' }
  | { readonly type: 'prepare'; readonly workload: string }
  | { readonly type: 'run'; readonly order: Order }
  | { readonly type: 'collect' }
  | { readonly type: 'verify'; readonly workload: string; readonly done: Done };

interface DriverSeen {
  readonly type: 'seen';
  readonly operations: number;
  readonly seconds: number;
  readonly failed: number;
  readonly unsent: number;
  readonly latencies: string;
}

interface JoinedSeen extends Seen {
  readonly latencies: string;
}

export type DriverAnswer =
  | { readonly type: 'ready' | 'begin' }
  | { readonly type: 'progress'; readonly operations: number }
  | DriverSeen
  | ({ readonly type: 'done' } & Done);

interface DriversOptions {
  readonly urls: readonly string[];
  readonly shape: Shape;
  /** Operations since the run began, warm-up included. */
  readonly onProgress: (operations: number) => void;
}

export class Drivers {
  readonly #children: readonly ChildProcess[];
  readonly #first: ChildProcess;
  readonly #progress: number[];

  constructor({ urls, shape, onProgress }: DriversOptions) {
    const clients = Math.ceil(Math.max(shape.clients, shape.processes) / shape.processes);
    this.#progress = new Array<number>(shape.processes).fill(0);
    this.#children = this.#progress.map((_, at) => {
      const setting: DriverSetting = { urls, shape, process: at, clients };
      const child = watchChild(fork(DRIVER, [JSON.stringify(setting)]));
      child.on('message', (answer: DriverAnswer) => {
        if (answer.type !== 'progress') return;
        this.#progress[at] = answer.operations;
        onProgress(this.#progress.reduce((sum, operations) => sum + operations, 0));
      });
      return child;
    });
    this.#first = this.#children[0] as ChildProcess;
  }

  /** Once, first: resolves when all clients are connected and the keys are filled. */
  async fill(): Promise<void> {
    await Promise.all(this.#children.map((child) => answerOf(child, 'ready')));
    await ask(this.#first, { type: 'fill' }, 'done');
  }

  get pids(): readonly number[] {
    return this.#children.map(({ pid }) => pid ?? 0);
  }

  /** `onBegin` is called when all warm-ups are over, and `onEnd` when the last loop has ended. */
  async run(
    order: Order,
    on: { readonly begin: () => Promise<void>; readonly end: () => Promise<void> },
  ): Promise<JoinedSeen> {
    const { workload } = order;
    await ask(this.#first, { type: 'prepare', workload }, 'ready');
    this.#progress.fill(0);
    const orders = splitOrder(order, this.#children.length);
    const busy = this.#children.slice(0, orders.length);
    const begun = busy.map((child) => answerOf(child, 'begin'));
    const seen = busy.map((child) => answerOf(child, 'seen'));
    for (const [at, child] of busy.entries()) {
      send(child, { type: 'run', order: orders[at] as Order });
    }
    await Promise.all(begun);
    await on.begin();
    const answers = await Promise.all(seen);
    await on.end();
    await this.#verify(workload);
    return joinSeen(answers);
  }

  async #verify(workload: string): Promise<void> {
    const collected = this.#children.map((child) => ask(child, { type: 'collect' }, 'done'));
    const all = await Promise.all(collected);
    const sum = (of: (one: Done) => number) => all.reduce((total, one) => total + of(one), 0);
    const done: Done = {
      operations: sum(({ operations }) => operations),
      failed: sum(({ failed }) => failed),
      writes: all.flatMap(({ writes }) => writes),
      inserted: all.flatMap(({ inserted }) => inserted),
    };
    await ask(this.#first, { type: 'verify', workload, done }, 'ready');
  }

  async end(): Promise<void> {
    await Promise.all(this.#children.map(endChild));
  }
}

/** At least one caller for each process, so there may be fewer orders than processes. */
export function splitOrder(order: Order, processes: number): readonly Order[] {
  const count = Math.min(processes, order.callers);
  return Array.from({ length: count }, (_, at) => ({
    ...order,
    callers: Math.floor(order.callers / count) + (at < order.callers % count ? 1 : 0),
    ...(order.rate !== undefined && { rate: order.rate / count }),
  }));
}

export function joinSeen(answers: readonly Omit<DriverSeen, 'type'>[]): JoinedSeen {
  const latencies = new Latencies();
  for (const answer of answers) latencies.add(answer.latencies);
  const sum = (of: (one: Omit<DriverSeen, 'type'>) => number) =>
    answers.reduce((total, one) => total + of(one), 0);
  return {
    operations: sum(({ operations }) => operations),
    seconds: Math.max(...answers.map(({ seconds }) => seconds)),
    failed: sum(({ failed }) => failed),
    unsent: sum(({ unsent }) => unsent),
    ...latencies.quantiles,
    latencies: latencies.encode(),
  };
}

type AnswerOf<Type extends DriverAnswer['type']> = Extract<DriverAnswer, { readonly type: Type }>;

function ask<Type extends DriverAnswer['type']>(
  child: ChildProcess,
  order: DriverOrder,
  type: Type,
): Promise<AnswerOf<Type>> {
  const answer = answerOf(child, type);
  send(child, order);
  return answer;
}

function send(child: ChildProcess, order: DriverOrder): void {
  child.send(order);
}

/** The next answer of this type. Rejects if the process ends. */
function answerOf<Type extends DriverAnswer['type']>(
  child: ChildProcess,
  type: Type,
): Promise<AnswerOf<Type>> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      child.off('exit', onExit);
      child.off('message', onMessage);
    };
    const onExit = () => {
      stop();
      reject(new Error('a client process has ended; what it says is above'));
    };
    const onMessage = (answer: DriverAnswer) => {
      if (answer.type !== type) return;
      stop();
      resolve(answer as AnswerOf<Type>);
    };
    child.on('exit', onExit);
    child.on('message', onMessage);
  });
}
