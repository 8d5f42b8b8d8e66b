/**
 * Judges when attached keys and tickets went, in the real time of the world. Clients and leaders
 * have clocks of their own, whose rates differ at most by the bound that the product states.
 */

/** The rates of two clocks, at most. */
export const DRIFT_MAX = 1.25;
/** A sweep of the leader, its stamps, the entries and their way to the first replica. */
const SWEEP_MILLISECONDS = 2500;
/**
 * A lease that is due may have to wait for the keys of others, which are looked for and deleted by
 * an entry. Then come the entry that ends it, the search for its keys, and the entry for them.
 */
const STEPS = 5;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** A key or a ticket that hung on a lease in one shard. */
export interface Attached {
  /** For messages. */
  readonly name: string;
  readonly lease: string;
  readonly shard: number;
  /** When the first replica had it. */
  readonly from: number;
  /** When its lease was renewed last: its time runs from then on. By default `from`. */
  readonly renewedAt?: number;
  /** It hung on the same lease before: an append keeps the lease, also one that has ended. */
  readonly isContinued?: boolean;
  /** While a transaction held the key: no lease takes it then. */
  readonly held?: readonly Span[];
  /** How it went, if it is gone: set anew or deleted, by its client, or with its lease. */
  readonly gone?: { readonly at: number; readonly by: 'client' | 'lease' | 'revoke' };
}

export interface LeaseLife {
  readonly lease: string;
  readonly ttl: number;
  /** When a keep, or an operation that opened it, was first sent that was later confirmed. */
  readonly confirmed: readonly { readonly shard: number; readonly sentAt: number }[];
  /** When the client ended it: the first of its requests for that. */
  readonly releasedAt?: number;
  /** When the client was last alive; nothing of it is on its way `lingers` later. */
  readonly diedAt?: number;
}

/** While a shard had no leader that could commit. */
export interface Gap extends Span {
  readonly shard: number;
}

export interface LeaseHistory {
  readonly lives: readonly LeaseLife[];
  readonly attached: readonly Attached[];
  readonly gaps: readonly Gap[];
  /** For so long a keep of a dead client may be on its way. */
  readonly lingers: number;
  /** How long a slow leader takes for an entry, or to look for keys; such a time is no gap. */
  readonly stepMilliseconds: number;
  /** The end of the observation. */
  readonly now: number;
}

/**
 * `early`: gone with its lease though the lease was kept alive (L1). `immortal`: still there long
 * after its client died (L4). `stranger`: gone with a lease that it did not hang on (L5).
 * `revived`: it hung on a lease that had ended in its shard (L6).
 */
export type LeaseRule = 'early' | 'immortal' | 'stranger' | 'revived';

export interface LeaseFinding {
  readonly rule: LeaseRule;
  readonly text: string;
}

export function checkLeases(history: LeaseHistory): readonly LeaseFinding[] {
  const lives = new Map(history.lives.map((life) => [life.lease, life]));
  const found = history.attached.flatMap((one) => {
    const life = lives.get(one.lease);
    if (life !== undefined) return [...earlyOf(one, life), ...immortalOf(one, life, history)];
    // Leases of no known client are judged by what hangs on them alone.
    if (one.gone?.by !== 'lease' || one.lease !== '') return [];
    return [
      { rule: 'stranger' as const, text: `${one.name} went with a lease that was not its own` },
    ];
  });
  return [...found, ...revivedOf(history.attached)];
}

/** Nothing hangs on a lease behind the end of it that took another key or ticket. */
function revivedOf(attached: readonly Attached[]): readonly LeaseFinding[] {
  const ends = new Map<string, number>();
  for (const { lease, shard, gone } of attached) {
    if (lease === '' || gone === undefined || gone.by === 'client') continue;
    const place = `${shard}/${lease}`;
    ends.set(place, Math.min(gone.at, ends.get(place) ?? gone.at));
  }
  return attached.flatMap(({ name, lease, shard, from, isContinued }) => {
    const after = from - (ends.get(`${shard}/${lease}`) ?? from);
    if (after <= 0 || isContinued === true) return [];
    const text = `${name} hung on its lease ${Math.round(after)} ms after that had ended`;
    return [{ rule: 'revived' as const, text }];
  });
}

function earlyOf({ name, shard, gone }: Attached, life: LeaseLife): readonly LeaseFinding[] {
  if (gone?.by !== 'lease') return [];
  const isReleased = life.releasedAt !== undefined && life.releasedAt <= gone.at;
  if (isReleased) return [];
  const sent = life.confirmed.filter((one) => one.shard === shard && one.sentAt <= gone.at);
  const last = Math.max(Number.NEGATIVE_INFINITY, ...sent.map(({ sentAt }) => sentAt));
  const since = gone.at - last;
  if (since >= life.ttl / DRIFT_MAX) return [];
  const text = `${name} went ${Math.round(since)} ms after its lease of ${life.ttl} ms was kept`;
  return [{ rule: 'early', text }];
}

function immortalOf(
  { name, shard, from, renewedAt = from, gone, held = [] }: Attached,
  life: LeaseLife,
  { gaps, lingers, stepMilliseconds, now }: LeaseHistory,
): readonly LeaseFinding[] {
  if (life.diedAt === undefined) return [];
  const until = gone?.at ?? now;
  const began = Math.max(life.diedAt + lingers, renewedAt);
  const spans = [...gaps.filter((gap) => gap.shard === shard), ...held];
  const without = lengthWithin({ from: began, to: until }, spans);
  const stayed = until - began - without;
  const steps = STEPS * stepMilliseconds;
  if (stayed <= life.ttl * DRIFT_MAX + SWEEP_MILLISECONDS + steps) return [];
  const text = `${name} stayed ${Math.round(stayed)} ms after its client died`;
  return [{ rule: 'immortal', text }];
}

/** How much of the whole these spans cover, which may overlap. */
function lengthWithin(whole: Span, spans: readonly Span[]): number {
  let length = 0;
  let seen = whole.from;
  for (const { from, to } of [...spans].sort((one, other) => one.from - other.from)) {
    const end = Math.min(to, whole.to);
    length += Math.max(0, end - Math.max(from, seen));
    seen = Math.max(seen, end);
  }
  return length;
}
