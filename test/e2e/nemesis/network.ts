/** The network of a run: a namespace for each place, and the switch between them. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The faults of one direction of a link; none by default. */
export interface Link {
  readonly cut?: boolean;
  /** Probabilities. */
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly delayMilliseconds?: number;
  readonly jitterMilliseconds?: number;
  readonly bytesPerSecond?: number;
}

export interface LinkCounts {
  readonly passed: number;
  readonly cut: number;
  readonly lost: number;
  readonly delayed: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly overflowed: number;
}

export const SUBNET = '10.99.0';

export class Network {
  readonly #child: ChildProcess;
  readonly #answers: ((line: string) => void)[] = [];
  /** Each place has a port, from 1 on. The last one is for this process. */
  readonly #places: readonly string[];

  /** Resolves when all places have their addresses. */
  static async open(program: string, places: readonly string[]): Promise<Network> {
    const network = new Network(program, places);
    await network.#answer();
    network.#settle();
    return network;
  }

  constructor(program: string, places: readonly string[]) {
    this.#places = places;
    const count = places.length + 1;
    this.#child = spawn(program, [String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('the switch has no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#answers.shift()?.(line);
    });
  }

  get places(): readonly string[] {
    return this.#places;
  }

  addressOf(place: string): string {
    return `${SUBNET}.${this.#portOf(place)}`;
  }

  /** The words that run a program at a place. */
  at(place: string): readonly string[] {
    return ['nsenter', `--net=/run/netns/${place}`];
  }

  set(from: string, to: string, link: Link): void {
    const words = [
      ['cut', link.cut === true ? 1 : undefined],
      ['loss', link.loss],
      ['duplicate', link.duplicate],
      ['reorder', link.reorder],
      ['delay', link.delayMilliseconds && link.delayMilliseconds * 1000],
      ['jitter', link.jitterMilliseconds && link.jitterMilliseconds * 1000],
      ['rate', link.bytesPerSecond],
    ]
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${value}`);
    this.#say(`set ${this.#portOf(from)} ${this.#portOf(to)} ${words.join(' ')}`);
  }

  clear(): void {
    this.#say('clear');
  }

  async count(): Promise<LinkCounts> {
    this.#say('count');
    return JSON.parse(await this.#answer()) as LinkCounts;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
    for (const place of this.#places) execFileSync('ip', ['netns', 'delete', place]);
  }

  #portOf(place: string): number {
    const port = this.#places.indexOf(place) + 1;
    if (port === 0) throw new Error(`there is no place ${place}`);
    return port;
  }

  #settle(): void {
    const run = (...words: readonly string[]) => execFileSync('ip', [...words]);
    for (const [at, place] of this.#places.entries()) {
      run('netns', 'add', place);
      run('link', 'set', `rk${at + 1}`, 'netns', place);
      run('-n', place, 'link', 'set', 'lo', 'up');
      run('-n', place, 'addr', 'add', `${SUBNET}.${at + 1}/24`, 'dev', `rk${at + 1}`);
      run('-n', place, 'link', 'set', `rk${at + 1}`, 'up');
    }
    const own = this.#places.length + 1;
    run('link', 'set', 'lo', 'up');
    run('addr', 'add', `${SUBNET}.${own}/24`, 'dev', `rk${own}`);
    run('link', 'set', `rk${own}`, 'up');
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  #answer(): Promise<string> {
    return new Promise((resolve) => this.#answers.push(resolve));
  }
}
