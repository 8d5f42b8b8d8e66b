/**
 * Which clients believed to own a lock, and when. While clocks keep their bound, no two beliefs
 * overlap that exclude each other (K6). Beyond it overlaps are only counted, and guarded writes are
 * judged: in the order of a shard's log the tokens under one name never fall (K7).
 */

export type BeliefKind = 'exclusive' | 'shared' | 'semaphore';

/** One owner: from the moment at which it learned of its grant. */
export interface Belief {
  readonly name: string;
  readonly owner: string;
  readonly kind: BeliefKind;
  /** Of a semaphore; else 1. */
  readonly permits: number;
  readonly token: number;
  readonly from: number;
  /** Its signal, `isOwned` false, its release or its end; undefined if it still believes. */
  readonly until: number | undefined;
}

/** A guarded write that was executed; `index` is that of the entry that made it visible. */
export interface GuardedWrite {
  readonly name: string;
  readonly shard: number;
  readonly index: number;
  readonly token: number;
  readonly owner: string;
}

export interface BeliefHistory {
  readonly beliefs: readonly Belief[];
  /** In the order of the log of each shard. */
  readonly writes: readonly GuardedWrite[];
  /** Whether the rates of all clocks stayed within the bound that the product states. */
  readonly isDriftBounded: boolean;
}

/**
 * `overlap`: two owners at once that exclude each other. `permits`: more owners than permits.
 * `token`: a later owner has no greater token. `guard`: an older owner's guarded write after one of
 * a newer owner.
 */
export type BeliefRule = 'overlap' | 'permits' | 'token' | 'guard';

export interface BeliefFinding {
  readonly rule: BeliefRule;
  readonly text: string;
}

export interface BeliefReport {
  readonly findings: readonly BeliefFinding[];
  /** Overlaps of owners whose clocks broke the bound. */
  readonly overlaps: number;
}

export function checkBeliefs(history: BeliefHistory): BeliefReport {
  const found: BeliefFinding[] = [];
  const byName = new Map<string, Belief[]>();
  for (const belief of history.beliefs) {
    const others = byName.get(belief.name) ?? [];
    byName.set(belief.name, [...others, belief]);
  }
  for (const beliefs of byName.values()) {
    found.push(...overlapsOf(beliefs), ...permitsOf(beliefs), ...tokensOf(beliefs));
  }
  const isOfClocks = ({ rule }: BeliefFinding) => rule === 'overlap' || rule === 'permits';
  const overlaps = history.isDriftBounded ? 0 : found.filter(isOfClocks).length;
  const judged = history.isDriftBounded ? found : found.filter((one) => !isOfClocks(one));
  return { findings: [...judged, ...guardsOf(history.writes)], overlaps };
}

function overlapsOf(beliefs: readonly Belief[]): readonly BeliefFinding[] {
  const findings: BeliefFinding[] = [];
  const sorted = [...beliefs].sort((one, other) => one.from - other.from);
  sorted.forEach((later, at) => {
    for (const earlier of sorted.slice(0, at)) {
      if (earlier.kind === 'semaphore' || !isAt(earlier, later.from)) continue;
      if (earlier.kind === 'shared' && later.kind === 'shared') continue;
      findings.push({ rule: 'overlap', text: `${said(later)} while ${said(earlier)}` });
    }
  });
  return findings;
}

function permitsOf(beliefs: readonly Belief[]): readonly BeliefFinding[] {
  const findings: BeliefFinding[] = [];
  for (const one of beliefs) {
    if (one.kind !== 'semaphore') continue;
    const owners = beliefs.filter((other) => isAt(other, one.from));
    if (owners.length <= one.permits) continue;
    findings.push({ rule: 'permits', text: `${owners.length} own ${one.name} at ${one.from}` });
  }
  return findings;
}

/** An owner that comes after another one has a greater token. */
function tokensOf(beliefs: readonly Belief[]): readonly BeliefFinding[] {
  const findings: BeliefFinding[] = [];
  const fenced = beliefs.filter(({ kind }) => kind !== 'semaphore');
  for (const later of fenced) {
    for (const earlier of fenced) {
      if (earlier === later || earlier.from > later.from || isAt(earlier, later.from)) continue;
      // Shared owners have one token as long as one of them is there.
      const isShared = earlier.kind === 'shared' && later.kind === 'shared';
      const isHigher = isShared ? later.token >= earlier.token : later.token > earlier.token;
      if (!isHigher)
        findings.push({ rule: 'token', text: `${said(later)} after ${said(earlier)}` });
    }
  }
  return findings;
}

function guardsOf(writes: readonly GuardedWrite[]): readonly BeliefFinding[] {
  const findings: BeliefFinding[] = [];
  const highest = new Map<string, GuardedWrite>();
  for (const write of writes) {
    const place = `${write.shard} ${write.name}`;
    const before = highest.get(place);
    if (before !== undefined && write.token < before.token) {
      const { index, shard, owner, name, token } = write;
      const text = `entry ${index} of ${shard}: ${owner} wrote under ${name}`;
      const than = `with ${token}, after ${before.owner} with ${before.token}`;
      findings.push({ rule: 'guard', text: `${text} ${than}` });
    } else highest.set(place, write);
  }
  return findings;
}

function isAt({ from, until }: Belief, time: number): boolean {
  return from <= time && (until === undefined || time < until);
}

function said({ owner, name, token, from, until = Number.POSITIVE_INFINITY }: Belief): string {
  return `${owner} owns ${name} (${token}) from ${Math.round(from)} to ${Math.round(until)}`;
}
