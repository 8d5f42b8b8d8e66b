/** Logs refused connections: a line when a series begins, and a line with the count at its end. */

import { monotoneNow } from '../base/ambient.ts';
import type { TransportEvent } from '../transport/transport.ts';

type Refused = Extract<TransportEvent, { type: 'refused' }>;

interface Spell {
  readonly first: Refused;
  readonly since: number;
  lastAt: number;
  count: number;
}

/** Attempts to a peer are at most seconds apart, so a pause of this length ends a series. */
const PAUSE_MILLISECONDS = 15_000;
const LOOK_MILLISECONDS = 5000;

/** Maximum number of distinct series, as remote addresses are unbounded. */
const SPELLS_MAX = 64;

/** A line of the log: the first socket of a series, or how many there were. */
type RefusalLine = Pick<Refused, 'address' | 'by' | 'text'> & {
  readonly count?: number;
  readonly seconds?: number;
};

export class RefusalLog {
  readonly #tell: (line: RefusalLine, text: string) => void;
  readonly #spells = new Map<string, Spell>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (line: RefusalLine, text: string) => void) {
    this.#tell = tell;
  }

  note(refused: Refused, now = monotoneNow()): void {
    // Both sides have dialled: normal when nodes start together.
    if (refused.text.startsWith('superseded')) return;
    const isTooMany = this.#spells.size >= SPELLS_MAX;
    const key = keyOf(refused);
    const spell = this.#spells.get(key) ?? (isTooMany ? this.#spells.get(OTHERS) : undefined);
    if (spell !== undefined) {
      spell.lastAt = now;
      spell.count += 1;
      return;
    }
    const { address, by, text } = refused;
    const first = { first: refused, since: now, lastAt: now, count: 1 };
    this.#spells.set(isTooMany ? OTHERS : key, first);
    this.#timer ??= setInterval(() => this.sweep(), LOOK_MILLISECONDS).unref();
    this.#tell({ address, by, text }, 'connections are refused');
  }

  /** Logs the series that have ended. */
  sweep(now = monotoneNow()): void {
    for (const [key, spell] of this.#spells) {
      if (now - spell.lastAt < PAUSE_MILLISECONDS) continue;
      this.#spells.delete(key);
      this.#end(spell);
    }
    if (this.#spells.size === 0) this.#rest();
  }

  /** Twice is once. */
  close(): void {
    for (const spell of this.#spells.values()) this.#end(spell);
    this.#spells.clear();
    this.#rest();
  }

  /** A series of one needs no second line. */
  #end({ first, since, lastAt, count }: Spell): void {
    if (count === 1) return;
    const { address, by, text } = first;
    const seconds = Math.round((lastAt - since) / 1000);
    this.#tell({ address, by, text, count, seconds }, 'connections are no longer refused');
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const OTHERS = 'others';

/** An incoming connection has another port each time, so the port is removed. */
function keyOf({ address, by, text }: Refused): string {
  return `${by} ${by === 'us' ? address.replace(/:\d+$/, '') : address} ${text}`;
}
