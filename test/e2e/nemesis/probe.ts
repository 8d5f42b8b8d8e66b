/**
 * Writes to one key of each shard, ten times a second and shard, whatever became of earlier writes:
 * this shows how long each shard does not serve. Runs in the process of the harness, which network
 * faults do not affect.
 */

import { type Client, connect } from '../../../src/index.ts';
import { arcOf } from '../../../src/ring/arc.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';

const EVERY_MILLISECONDS = 100;
const TIMEOUT_MILLISECONDS = 4000;
const OPEN_MAX = 60;

/** From the last acknowledged write to the first one after it. */
interface Gap {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
}

/** The minimal length of a gap. */
const GAP_MILLISECONDS_MIN = 250;

export class Probe {
  readonly #keys: readonly string[];
  readonly #served: number[];
  readonly #open: number[];
  readonly #gaps: Gap[] = [];
  #kv: Client | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(shards: number) {
    this.#keys = Array.from({ length: shards }, (_, shard) => keyIn(shard, shards));
    this.#served = this.#keys.map(() => 0);
    this.#open = this.#keys.map(() => 0);
  }

  async start(urls: readonly string[]): Promise<void> {
    this.#kv = await connect(urls, { timeout: 30_000 });
    this.#served.fill(performance.now());
    this.#timer = setInterval(() => {
      for (let shard = 0; shard < this.#keys.length; shard++) this.#write(shard);
    }, EVERY_MILLISECONDS);
  }

  /** A gap that has not ended counts as well. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const now = performance.now();
    for (const [shard, from] of this.#served.entries()) this.#note({ shard, from, to: now });
    await this.#kv?.close();
  }

  /** The longest time in which a shard did not serve, within this window. */
  longestIn(from: number, to: number): number {
    return this.#gaps.reduce((longest, gap) => {
      return Math.max(longest, Math.min(gap.to, to) - Math.max(gap.from, from));
    }, 0);
  }

  #write(shard: number): void {
    if ((this.#open[shard] ?? 0) >= OPEN_MAX) return;
    this.#open[shard] = (this.#open[shard] ?? 0) + 1;
    const key = this.#keys[shard] ?? '';
    const began = performance.now();
    const end = () => {
      this.#open[shard] = (this.#open[shard] ?? 0) - 1;
    };
    this.#kv?.set(key, began, { timeout: TIMEOUT_MILLISECONDS }).then(() => {
      end();
      const to = performance.now();
      this.#note({ shard, from: this.#served[shard] ?? to, to });
      this.#served[shard] = Math.max(this.#served[shard] ?? 0, to);
    }, end);
  }

  #note(gap: Gap): void {
    if (gap.to - gap.from >= GAP_MILLISECONDS_MIN) this.#gaps.push(gap);
  }
}

/** A key that lies in the arc. */
export function keyIn(arc: number, arcs: number): string {
  for (let count = 0; ; count++) {
    const key = `probe-${count}`;
    if (arcOf(keyPosition(new TextEncoder().encode(key)), arcs) === arc) return key;
  }
}
