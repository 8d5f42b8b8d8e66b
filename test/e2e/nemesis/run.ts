/** One run: nodes and clients start, faults come and go, all heals, the history is checked. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '../../../src/base/random.ts';
import { connect } from '../../../src/index.ts';
import type { ClientInstructions } from './client.ts';
import { type Cluster, pause } from './cluster.ts';
import type { Fault, Running, Stage } from './faults/fault.ts';
import type { Ground } from './ground.ts';
import { HistoryWriter, readHistory } from './history.ts';
import type { Host } from './host.ts';
import { judgeHistory } from './judge.ts';
import { Probe } from './probe.ts';
import { type Findings, type Hit, toothless, type Violation } from './report.ts';
import { drawSchedule, drawSlot, nameOf, type Slot } from './schedule.ts';
import { Site } from './site.ts';
import { Worker } from './worker.ts';
import { WORKLOADS } from './workloads/all.ts';

export interface RunOptions {
  readonly folder: string;
  readonly name: string;
  readonly ground: Ground;
  readonly faults: readonly Fault[];
  readonly seed: number;
  readonly milliseconds: number;
  readonly nodes: number;
  /** A bug that is planted in all nodes. */
  readonly bug: string | undefined;
  readonly say: (line: string) => void;
  /** A signal requests the end. */
  readonly signal: AbortSignal;
}

const SHARDS = 8;
const CLIENT_PLACES = ['c1', 'c2'];
const WORKERS = 8;
const REST_MILLISECONDS = 25;
const CLIENT = fileURLToPath(new URL('./client.js', import.meta.url));
const FILE_SYSTEM_SIZE = '1500m';
const WARM_MILLISECONDS = 2000;
/** How soon a supervisor restarts a process that has ended. */
const SUPERVISOR_MILLISECONDS = 2000;
const HEAL_MILLISECONDS = 120_000;
/** After a violation, waiting longer finds nothing more. */
const HEAL_MILLISECONDS_VAIN = 15_000;
/** How often a fault without effect is repeated at the end. */
const ATTEMPTS_MAX = 3;
const CLIENT_END_MILLISECONDS = 60_000;

export class Run {
  readonly #options: RunOptions;
  readonly #violations: Violation[] = [];
  readonly #hits: (Omit<Hit, 'unavailableMilliseconds'> & { from: number })[] = [];
  readonly #probe = new Probe(SHARDS);
  readonly #clients: ChildProcess[] = [];
  readonly #histories: string[] = [];
  readonly #start = performance.now();
  #isClosing = false;
  #site: Site | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async run(): Promise<Findings> {
    try {
      const stage = await this.#open();
      await this.#suffer(stage);
      await this.#heal(stage.cluster);
      await this.#endClients();
      await this.#probe.stop();
      if (this.#violations.length === 0) await this.#lookLast(stage.cluster);
    } catch (error) {
      this.#fail('run', error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      await this.#close();
    }
    return await this.#judge();
  }

  async #open(): Promise<Stage> {
    const { folder, ground, nodes, name, bug } = this.#options;
    const site = await Site.open({
      folder,
      ground,
      nodes,
      shards: SHARDS,
      clientPlaces: CLIENT_PLACES,
      fileSystemSize: FILE_SYSTEM_SIZE,
      bug,
      onEnd: (host, told) => this.#startAgain(host, told),
    });
    this.#site = site;
    const { cluster, network } = site;
    this.#say('the cluster is up');
    await this.#startClients(site);
    await this.#probe.start(cluster.urls);
    await pause(WARM_MILLISECONDS);
    return {
      cluster,
      network,
      clientPlaces: CLIENT_PLACES,
      name,
      shards: SHARDS,
      fail: (what, text) => this.#fail(what, text),
    };
  }

  /** As a supervisor does. */
  #startAgain(host: Host, told: string): void {
    this.#fail('ended', `${host.name} ended by itself, ${told}`);
    const start = () => {
      if (!this.#isClosing) host.start();
    };
    setTimeout(start, SUPERVISOR_MILLISECONDS);
  }

  async #startClients({ cluster: { urls }, network }: Site): Promise<void> {
    for (const [at, place] of CLIENT_PLACES.entries()) {
      const history = join(this.#options.folder, `history-${place}.jsonl`);
      this.#histories.push(history);
      const instructions: ClientInstructions = {
        urls,
        history,
        seed: this.#options.seed,
        first: 1 + at * WORKERS,
        workers: WORKERS,
        restMilliseconds: REST_MILLISECONDS,
      };
      const words = [...(network?.at(place) ?? []), process.execPath, CLIENT];
      const [program = '', ...rest] = [...words, JSON.stringify(instructions)];
      const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
      this.#clients.push(child);
      child.once('exit', (code) => {
        if (code !== 0 && !this.#isClosing)
          this.#fail('client', `client ${place} ended with ${code}`);
      });
    }
    await Promise.all(this.#clients.map((child) => child.stdout && once(child.stdout, 'data')));
  }

  /** Faults until the time is over, or a signal requests the end. */
  async #suffer(stage: Stage): Promise<void> {
    const { faults, seed, milliseconds, signal } = this.#options;
    const until = performance.now() + milliseconds;
    const random = new Random(seed);
    const slots = drawSchedule(faults, random.fork('schedule'));
    while (performance.now() < until && this.#mayGoOn) {
      await this.#sufferOne(stage, slots.next().value);
    }
    if (signal.aborted) return;
    // A power failure of an idle node loses nothing: a fault without effect gets another chance.
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const idle = toothless(this.#hits);
      for (const fault of faults.filter(({ name }) => idle.includes(name))) {
        if (!this.#mayGoOn) return;
        await this.#sufferOne(stage, drawSlot([fault], random.fork(`${fault.name} ${attempt}`)));
      }
    }
  }

  get #mayGoOn(): boolean {
    return this.#violations.length === 0 && !this.#options.signal.aborted;
  }

  async #sufferOne(stage: Stage, slot: Slot): Promise<void> {
    const { faults, seeds, milliseconds } = slot;
    const from = performance.now();
    const running: Running[] = [];
    for (const [at, fault] of faults.entries()) {
      running.push(await fault.begin(stage, new Random(seeds[at] ?? 0)));
    }
    const targets = running.map(({ target }) => target).join(' + ');
    this.#say(`${nameOf(slot)} for ${milliseconds} ms: ${targets}`);
    await this.#rest(milliseconds);
    const bites: boolean[] = [];
    for (const one of [...running].reverse()) bites.unshift(await one.heal());
    for (const [at, { name }] of faults.entries()) {
      const isAlone = faults.length === 1;
      const hasBitten = bites[at] === true;
      this.#hits.push({ name, isAlone, hasBitten, from });
      if (!hasBitten) this.#say(`${name} had no effect`);
    }
    if (faults.some(({ isGrave }) => isGrave)) await this.#heal(stage.cluster);
    await this.#rest(slot.restMilliseconds);
  }

  async #rest(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    while (performance.now() < end && !this.#options.signal.aborted) {
      await pause(Math.max(0, Math.min(100, end - performance.now())));
    }
  }

  async #heal(cluster: Cluster): Promise<void> {
    this.#site?.network?.clear();
    for (const host of cluster.hosts) {
      host.control.clear();
      host.start();
    }
    const isVain = this.#violations.length > 0;
    const patience = isVain ? HEAL_MILLISECONDS_VAIN : HEAL_MILLISECONDS;
    const obstacle = await cluster.untilHealthy(patience);
    if (obstacle === undefined) return;
    this.#fail('healing', `not healthy in ${patience / 1000} s: ${obstacle}`);
  }

  async #endClients(): Promise<void> {
    const ends = this.#clients.map(async (child) => {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.stdin?.end();
      const timer = setTimeout(() => {
        this.#fail('client', 'a call did not settle by its deadline');
        child.kill('SIGKILL');
      }, CLIENT_END_MILLISECONDS);
      await ended;
      clearTimeout(timer);
    });
    await Promise.all(ends);
  }

  /** The final value of every key. */
  async #lookLast(cluster: Cluster): Promise<void> {
    const { folder, seed } = this.#options;
    const history = await readHistory(this.#histories);
    const path = join(folder, 'history-last.jsonl');
    const writer = new HistoryWriter(path);
    const kv = await connect(cluster.urls, { timeout: 10_000 });
    await Promise.all(
      WORKLOADS.map(async (workload, at) => {
        const number = 1000 + at;
        const random = new Random(seed).fork(workload.name);
        const isOver = () => false;
        const worker = new Worker({ kv, number, random, history: writer, isOver });
        await workload.finish(worker, history);
      }),
    );
    await kv.close();
    await writer.close();
    this.#histories.push(path);
    const lost = (await readHistory([path])).filter(({ outcome }) => outcome !== 'ok');
    const [first] = lost;
    if (first === undefined) return;
    const { workload, error, text } = first;
    const what = `${lost.length} reads of a healthy cluster failed`;
    this.#fail('final reads', `${what}, the first: ${workload} ${error} ${text}`);
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    for (const child of this.#clients) child.kill('SIGKILL');
    await this.#site?.close();
  }

  async #judge(): Promise<Findings> {
    const history = await readHistory(this.#histories);
    const verdicts = judgeHistory(history);
    for (const [name, faults] of verdicts) for (const text of faults) this.#fail(name, text);
    const hits = this.#hits.map(({ name, isAlone, hasBitten, from }): Hit => {
      // A gap that begins before the next fault belongs to this one.
      const next = this.#hits.find((other) => other.from > from)?.from ?? Number.POSITIVE_INFINITY;
      const unavailableMilliseconds = this.#probe.longestIn(from, next);
      return { name, isAlone, hasBitten, unavailableMilliseconds };
    });
    return { history, hits, violations: this.#violations, verdicts };
  }

  #fail(what: string, text: string): void {
    this.#violations.push({ what, text });
    this.#say(`VIOLATION ${what}: ${text.slice(0, 500)}`);
  }

  #say(line: string): void {
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1).padStart(6);
    this.#options.say(`${seconds} s  ${line}`);
  }
}
