/** A place where one node runs, as under a supervisor: its folder, its process, its output. */

import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Random } from '../../../src/base/random.ts';
import { ControlPage } from './control-page.ts';
import { type Loss, loseUnsynced } from './unsynced-loss.ts';

const KVCTL = resolve('build/cli/kvctl.js');
const PLANT = new URL('./plant.js', import.meta.url).href;
const SAID_MAX = 20_000;

export interface HostOptions {
  readonly name: string;
  /** Its addresses. */
  readonly listen: string;
  /** Its own folder; on a file system of its own if there are mounts. */
  readonly folder: string;
  /** That is a file system of its own, which may be filled. */
  readonly isMounted: boolean;
  /** What the shim shares with the harness, on another file system. */
  readonly shared: string;
  /** Words before the command of every program that runs here. */
  readonly at: readonly string[];
  readonly shim: string | undefined;
  /** Its planted bug; none by default. */
  readonly bug: string | undefined;
  /** The options of `kvctl start` besides folder and address. */
  readonly words: readonly string[];
  /** It ended by itself, unexpectedly. */
  readonly onEnd: (host: Host, told: string) => void;
}

interface Spawning {
  readonly isShimmed?: boolean;
  /** Words that put the process into a namespace or a group. */
  readonly in?: readonly string[];
}

export class Host {
  readonly name: string;
  readonly listen: string;
  readonly data: string;
  readonly folder: string;
  readonly isMounted: boolean;
  readonly control: ControlPage;
  readonly #options: HostOptions;
  #child: ChildProcess | undefined;
  #said = '';
  /** An active fault may end the node. */
  mayEnd = false;
  /** How often it ended by itself, expectedly or not. */
  ends = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.name = options.name;
    this.listen = options.listen;
    this.folder = options.folder;
    this.isMounted = options.isMounted;
    this.data = join(options.folder, 'data');
    mkdirSync(this.#attic, { recursive: true });
    mkdirSync(options.shared, { recursive: true });
    this.control = new ControlPage(join(options.shared, 'control'));
  }

  get url(): string {
    return `kv://${this.listen}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** The end of its standard error. */
  get said(): string {
    return this.#said;
  }

  get #attic(): string {
    return join(this.folder, 'attic');
  }

  get #journal(): string {
    return join(this.#options.shared, 'journal');
  }

  get logFile(): string {
    return join(this.#options.shared, 'node.log');
  }

  /** Does not wait until it is up. */
  start(): void {
    if (this.#child !== undefined) return;
    this.#emptyAttic();
    const child = this.spawnNode(this.data);
    this.#child = child;
    this.#said = '';
    child.stderr?.on('data', (piece) => {
      this.#said = (this.#said + String(piece)).slice(-SAID_MAX);
      appendFileSync(this.logFile, piece);
    });
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.ends += 1;
      if (!this.mayEnd) this.#options.onEnd(this, `code ${code}, signal ${signal}: ${this.#said}`);
    });
  }

  /** A node on any folder at this place, beside the supervised one. */
  spawnNode(data: string, { isShimmed = true, in: around = [] }: Spawning = {}): ChildProcess {
    const { at, shim, words, bug } = this.#options;
    const preloaded = shim === undefined || !isShimmed ? [] : ['env', `LD_PRELOAD=${shim}`];
    const planted = bug === undefined ? [] : ['--import', PLANT];
    const run = [process.execPath, ...planted, KVCTL];
    const node = [...run, 'start', '--data', data, '--listen', this.listen];
    const bound = ['setpriv', '--pdeathsig', 'KILL'];
    const all = [...at, ...bound, ...around, ...preloaded, ...node, ...words];
    const [program = '', ...rest] = all;
    const env = {
      ...process.env,
      NEMESIS_FOLDER: data,
      NEMESIS_ATTIC: this.#attic,
      NEMESIS_CONTROL: this.control.path,
      NEMESIS_JOURNAL: this.#journal,
      UV_USE_IO_URING: '0',
      ...(bug === undefined ? {} : { NEMESIS_BUG: bug }),
    };
    return spawn(program, rest, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Resolves when the process is gone; true if this call ended it. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL', patience = 30_000): Promise<boolean> {
    const child = this.#child;
    if (child === undefined) return false;
    this.#child = undefined;
    const gone = new Promise<string>((resolve) => {
      child.once('exit', (code, by) => resolve(by ?? `code ${code}`));
    });
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    const how = await gone;
    clearTimeout(timer);
    return signal === 'SIGKILL' ? how === 'SIGKILL' : how === 'code 0';
  }

  /** Like `kill`, and the machine loses what was not durable. */
  async failPower(random: Random, isTotal = false): Promise<Loss> {
    await this.kill();
    const now = Number(process.hrtime.bigint() / 1_000_000n);
    return loseUnsynced(this.#journal, { random, now, isTotal });
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }

  #emptyAttic(): void {
    for (const name of readdirSync(this.#attic)) rmSync(join(this.#attic, name));
  }
}
