/** Rate limit of the node's log: a bounded number of lines per kind of fact, then a count. */

import { monotoneNow } from '../base/ambient.ts';
import { LOG_SINK_LIMITS } from './log-sink-limits.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** The levels of pino. */
type Tells = Readonly<Record<Level, (about: object, text: string) => void>>;

interface Spell {
  readonly since: number;
  readonly level: Level;
  told: number;
  withheld: number;
}

/**
 * Bounds the log volume that remote parties can cause: some lines per kind and period, then the
 * number of suppressed lines. A kind is the constant text of a fact; its variable parts are fields.
 */
export class FactLog {
  readonly #logger: Tells;
  readonly #spells = new Map<string, Spell>();
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Tells) {
    this.#logger = logger;
  }

  tell(level: Level, kind: string, about: object, now = monotoneNow()): void {
    const spell = this.#spellOf(level, kind, now);
    const max = level === 'info' ? LOG_SINK_LIMITS.newsPerSpell : LOG_SINK_LIMITS.alarmsPerSpell;
    if (spell.told >= max) {
      spell.withheld += 1;
      return;
    }
    spell.told += 1;
    this.#logger[level](about, kind);
  }

  /** Logs the suppressed counts of finished periods. */
  sweep(now = monotoneNow()): void {
    for (const [kind, spell] of this.#spells) {
      if (now - spell.since >= LOG_SINK_LIMITS.spellMilliseconds) this.#end(kind, spell, now);
    }
    if (this.#spells.size === 0) this.#rest();
  }

  /** Twice is once. */
  close(now = monotoneNow()): void {
    for (const [kind, spell] of this.#spells) this.#end(kind, spell, now);
    this.#rest();
  }

  #spellOf(level: Level, kind: string, now: number): Spell {
    const isTooMany = !this.#spells.has(kind) && this.#spells.size >= LOG_SINK_LIMITS.kindsMax;
    const name = isTooMany ? OTHERS : kind;
    const known = this.#spells.get(name);
    if (known !== undefined && now - known.since < LOG_SINK_LIMITS.spellMilliseconds) return known;
    if (known !== undefined) this.#end(name, known, now);
    const spell = { since: now, level, told: 0, withheld: 0 };
    this.#spells.set(name, spell);
    const { spellMilliseconds } = LOG_SINK_LIMITS;
    this.#timer ??= setInterval(() => this.sweep(), spellMilliseconds).unref();
    return spell;
  }

  #end(kind: string, { withheld, since, level }: Spell, now: number): void {
    this.#spells.delete(kind);
    if (withheld === 0) return;
    const seconds = Math.round((now - since) / 1000);
    this.#logger[level]({ kind, count: withheld, seconds }, 'suppressed more lines of this kind');
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const OTHERS = 'others';
