/**
 * Judges histories of watches by the twelve rules below. A finding names the broken rule, so that
 * each anomaly can be told from the others.
 */

import {
  type Given,
  type GivenChange,
  identityOf,
  isChange,
  isInRange,
  type Placed,
  type Position,
  type Positions,
  placedIn,
  type Watching,
  type WatchWorld,
} from './watch-history.ts';

/**
 * 1 `range`: only keys of the range. 2 `order`: that of the log, in each shard. 3 `twice`: no
 * change again. 4 `missing`: none left out. 5 `content`: as it happened. 6 `group`: changes of one
 * command stand together, and its last one says so. 7 `synced`: what was yielded makes the state at
 * the positions of the token. 8 `fresh`: with all that was acknowledged before the watch began.
 * 9 `sync`: the same for each call of `sync`. 10 `resume`: exactly what follows the token.
 * 11 `compacted`: only where history was lost. 12 `token`: it covers what was yielded, and no more.
 * At the end of a run `silent`: something was never yielded.
 */
export type WatchRule =
  | 'range'
  | 'order'
  | 'twice'
  | 'missing'
  | 'content'
  | 'group'
  | 'synced'
  | 'fresh'
  | 'sync'
  | 'resume'
  | 'compacted'
  | 'token'
  | 'silent';

export interface WatchFinding {
  readonly rule: WatchRule;
  readonly watch: string;
  readonly text: string;
}

export function checkWatches(
  world: WatchWorld,
  watchings: readonly Watching[],
): readonly WatchFinding[] {
  return watchings.flatMap((watching) => new WatchCheck(world, watching).run());
}

/** What a watcher has of one shard. */
interface Track {
  readonly shard: number;
  readonly placed: readonly Placed[];
  readonly places: ReadonlyMap<string, number>;
  /** The place of the next change; undefined while rows are read. */
  next: number | undefined;
  /** It has yielded a change since it was resumed. */
  hasBegun: boolean;
  isReading: boolean;
  /** The entry through which everything is known, by the last token. */
  through: number;
}

class WatchCheck {
  readonly #world: WatchWorld;
  readonly #watching: Watching;
  readonly #tracks = new Map<number, Track>();
  readonly #findings: WatchFinding[] = [];
  /** All that is yielded ever, to tell changes in a wrong order from those that are missing. */
  readonly #ever: ReadonlySet<string>;
  readonly #yielded = new Set<string>();
  /** The version of each key, by what was yielded. */
  #fold = new Map<string, number>();
  /** Since the last `compacted` without differences: the new state. */
  #isFoldWhole: boolean;
  #hasSynced = false;
  /** The transaction texts of groups, both ways. */
  readonly #texts = new Map<string, string>();
  readonly #groups = new Map<string, string>();
  /** The group that is open: it has not yielded its last change. */
  #open: string | undefined;

  constructor(world: WatchWorld, watching: Watching) {
    this.#world = world;
    this.#watching = watching;
    const { start, given } = watching;
    this.#ever = new Set(given.filter(isChange).map(identityOf));
    this.#isFoldWhole = start === 'initial';
    const isReading = start === 'initial';
    for (const [shard, entries] of world.shards) {
      const placed = placedIn(entries, watching);
      const places = new Map(placed.map(({ change }, at) => [identityOf(change), at]));
      const position = start instanceof Map ? start.get(shard) : undefined;
      const next = position && placeBehind(placed, position);
      const through = position?.index ?? 0;
      const track: Track = { shard, placed, places, next, hasBegun: false, isReading, through };
      this.#tracks.set(shard, track);
    }
  }

  run(): readonly WatchFinding[] {
    for (const event of this.#watching.given) {
      this.#take(event);
      if (event.token !== undefined) this.#judgeToken(event, event.token);
    }
    if (this.#watching.isComplete) this.#judgeEnd();
    return this.#findings;
  }

  #take(event: Given): void {
    if (!isChange(event)) {
      if (this.#open !== undefined) this.#find('group', `${this.#open} is cut by ${event.type}`);
      this.#open = undefined;
    }
    switch (event.type) {
      case 'set':
      case 'delete':
      case 'expire':
        return this.#takeChange(event);
      case 'synced':
        return this.#judgeSynced(event);
      case 'compacted':
        return this.#takeCompacted(event);
      case 'sync':
        return this.#judgeSync(event.asked);
      case 'progress':
      case 'lagging':
        return;
    }
  }

  #takeChange(event: GivenChange): void {
    const { key, transaction } = event;
    if (!isInRange(this.#watching, key)) return this.#find('range', `${key} is outside`);
    const track = this.#tracks.get(this.#world.shardOf(key));
    if (track === undefined) return this.#find('content', `no shard has ${key}`);
    const identity = identityOf(event);
    const place = track.places.get(identity);
    // A re-read tells that a key is gone, not how.
    const isOfRead = transaction === '' && track.isReading;
    if (isOfRead) this.#takeRow(event, track, place);
    else if (place === undefined) this.#find('content', `${identity} never happened`);
    else this.#takeTrue(event, track, place);
    this.#yielded.add(identity);
    if (event.type === 'set') this.#fold.set(key, event.version);
    else this.#fold.delete(key);
  }

  /** What a read found: no order but that of the versions of a key. */
  #takeRow(event: GivenChange, track: Track, place: number | undefined): void {
    const { key, previousVersion } = event;
    const known = this.#fold.get(key) ?? 0;
    if (event.type !== 'set') {
      if (known === 0 || previousVersion !== known) {
        this.#find('content', `${key} is told to be gone with version ${previousVersion}`);
      }
      return;
    }
    const placed = place === undefined ? undefined : track.placed[place];
    if (placed === undefined) return this.#find('content', `${key} never had ${event.version}`);
    if (event.version <= known) this.#find('twice', `${key} is read again at ${event.version}`);
    if (!this.#watching.isKeysOnly && placed.change.value !== event.value) {
      this.#find('content', `${key} has the value ${event.value}`);
    }
  }

  #takeTrue(event: GivenChange, track: Track, place: number): void {
    const placed = track.placed[place] as Placed;
    this.#judgeContent(event, placed);
    this.#judgeGroup(event, placed, track);
    const { next } = track;
    if (next === undefined) return this.#judgeChain(event);
    const identity = identityOf(event);
    const isResumed = this.#watching.start instanceof Map && !track.hasBegun;
    if (place < next) {
      const isAgain = this.#yielded.has(identity);
      const rule = isAgain ? 'twice' : isResumed ? 'resume' : 'order';
      this.#find(rule, `${identity} lies before what follows`);
    }
    for (const { change } of track.placed.slice(next, place)) {
      const rule = isResumed ? 'resume' : this.#ever.has(identityOf(change)) ? 'order' : 'missing';
      this.#find(rule, `${identityOf(change)} was passed over`);
    }
    track.next = Math.max(next, place + 1);
    track.hasBegun = true;
  }

  /** While rows are read a change follows the row or the change before it. */
  #judgeChain(event: GivenChange): void {
    const known = this.#fold.get(event.key) ?? 0;
    if (!this.#isFoldWhole || event.previousVersion === known) return;
    const isOld = (event.type === 'set' ? event.version - 1 : event.previousVersion) < known;
    this.#find(isOld ? 'twice' : 'missing', `${identityOf(event)} follows ${known}`);
  }

  #judgeContent(event: GivenChange, { change }: Placed): void {
    const told = [event.type, event.previousVersion, event.type === 'expire' ? event.cause : ''];
    const due = [change.type, change.previous, change.cause ?? ''];
    if (told.join() !== due.join()) {
      this.#find(
        'content',
        `${identityOf(event)} is told as ${told.join()}, and was ${due.join()}`,
      );
    }
    const isValue = event.type === 'set' && !this.#watching.isKeysOnly;
    if (isValue && event.value !== change.value) {
      this.#find('content', `${event.key} has the value ${event.value}`);
    }
    if (this.#watching.isKeysOnly && event.type === 'set' && event.value !== undefined) {
      this.#find('content', `${event.key} comes with a value`);
    }
  }

  #judgeGroup(event: GivenChange, { change, ...placed }: Placed, { isReading }: Track): void {
    const { group } = change;
    // Keys of the group that were not read yet come as rows, so an earlier one may be the last.
    const isLast = isReading ? event.isLast : placed.isLast;
    if (this.#open !== undefined && this.#open !== group) {
      this.#find('group', `${this.#open} is cut by ${group}`);
    }
    this.#open = isLast ? undefined : group;
    if (event.isLast !== isLast) this.#find('group', `${identityOf(event)} is not told as its end`);
    const text = this.#texts.get(group) ?? event.transaction;
    const other = this.#groups.get(event.transaction) ?? group;
    this.#texts.set(group, text);
    this.#groups.set(event.transaction, other);
    if (text !== event.transaction || other !== group) {
      this.#find('group', `${identityOf(event)} is told as part of ${event.transaction}`);
    }
  }

  #takeCompacted(event: Extract<Given, { readonly type: 'compacted' }>): void {
    const { at, differences, shard: only } = event;
    const tracks = [...this.#tracks.values()].filter(({ shard }) => (only ?? shard) === shard);
    const isResumed = this.#watching.start instanceof Map;
    const isLost = tracks.some(({ shard, placed, next, through, hasBegun }) => {
      // A token in the middle of an entry names the position before it, perhaps long before.
      const isAtToken = isResumed && !hasBegun;
      const yielded = next === undefined || isAtToken ? 0 : (placed[next - 1]?.index ?? 0);
      const position = Math.max(yielded, through);
      return this.#world.floors.some(
        (floor) => floor.shard === shard && floor.at <= at && floor.index > position,
      );
    });
    if (!isLost) this.#find('compacted', `no history was lost at ${at}`);
    if (differences && !this.#isFoldWhole) {
      this.#find('compacted', 'differences to a state that it does not have');
    }
    if (!differences) {
      this.#fold = new Map();
      this.#isFoldWhole = true;
    }
    for (const track of tracks) {
      track.isReading = true;
      track.next = undefined;
    }
  }

  #judgeSynced({ token }: Given): void {
    if (token === undefined) return this.#find('token', 'there is none at synced');
    const isFirst = !this.#hasSynced;
    this.#hasSynced = true;
    for (const track of this.#tracks.values()) {
      const position = token.get(track.shard);
      track.isReading = false;
      // A range with one tag, or one key, lies in one shard.
      if (position === undefined) continue;
      if (isFirst) this.#judgeFresh(track, position.index);
      if (track.next !== undefined) continue;
      const next = placeBehind(track.placed, position);
      if (this.#isFoldWhole) this.#judgeFold(track, next);
      track.next = next;
    }
  }

  #judgeFold({ shard, placed }: Track, next: number): void {
    const due = new Map<string, number>();
    for (const { change } of placed.slice(0, next)) {
      if (change.type === 'set') due.set(change.key, change.version ?? 0);
      else due.delete(change.key);
    }
    for (const [key, version] of this.#fold) {
      if (this.#world.shardOf(key) !== shard || due.get(key) === version) continue;
      this.#find('synced', `${key} is at ${due.get(key) ?? 'none'}, and was yielded at ${version}`);
    }
    for (const [key, version] of due) {
      if (!this.#fold.has(key)) this.#find('synced', `${key} at ${version} was not yielded`);
    }
  }

  #judgeFresh({ shard }: Track, index: number): void {
    for (const known of this.#acknowledgedIn(shard, this.#watching.begunAt)) {
      if (known.index <= index) continue;
      this.#find('fresh', `${known.key} was acknowledged at ${known.at} by entry ${known.index}`);
    }
  }

  /** At the return of `sync` everything that was acknowledged before the call is yielded. */
  #judgeSync(asked: number): void {
    for (const track of this.#tracks.values()) {
      const { shard, placed, next, isReading } = track;
      if (isReading) this.#judgeSyncOfRead(track, asked);
      const waiting = next === undefined ? undefined : placed[next];
      if (waiting === undefined) continue;
      const late = this.#acknowledgedIn(shard, asked).find(({ index }) => index >= waiting.index);
      if (late !== undefined) this.#find('sync', `${late.key} at ${late.index} was not yielded`);
    }
  }

  /** All rows may have come before the mark that says so: then each of them is new enough. */
  #judgeSyncOfRead({ shard, placed }: Track, asked: number): void {
    if (!this.#isFoldWhole) return;
    const known = this.#acknowledgedIn(shard, asked).map(({ index }) => index);
    const through = Math.max(0, ...known);
    const due = new Map<string, number>();
    const later = new Set<string>();
    for (const { index, change } of placed) {
      if (index > through) later.add(change.key);
      else due.set(change.key, change.type === 'set' ? (change.version ?? 0) : 0);
    }
    for (const [key, version] of due) {
      const is = this.#fold.get(key) ?? 0;
      const isOld = version === 0 ? is > 0 : is < version;
      if (isOld && !later.has(key)) this.#find('sync', `${key} is at ${version}, not at ${is}`);
    }
  }

  #acknowledgedIn(shard: number, before: number) {
    const { acknowledged, shardOf } = this.#world;
    return acknowledged.filter(
      ({ key, at }) => at < before && shardOf(key) === shard && isInRange(this.#watching, key),
    );
  }

  /** It covers exactly what was yielded: neither less nor more. */
  #judgeToken(event: Given, token: Positions): void {
    for (const track of this.#tracks.values()) {
      const { shard, placed, next } = track;
      const position = token.get(shard);
      if (position === undefined) continue;
      track.through = position.index;
      const term = this.#world.termOf?.(shard, position.index);
      if (term !== undefined && term !== position.term) {
        this.#find('token', `entry ${position.index} of ${shard} is not of term ${position.term}`);
      }
      if (next === undefined) continue;
      const behind = placeBehind(placed, position);
      // A token that counts no changes stands before an entry until all of it was yielded.
      const isWhole = position.skip !== undefined;
      const isWithin = !isWhole && behind < next && placed[behind]?.index === placed[next]?.index;
      if (behind === next || (isWithin && isChange(event))) continue;
      const [from, to] = [Math.min(behind, next), Math.max(behind, next)];
      const first = placed.slice(from, to)[0]?.change;
      const what = first === undefined ? '' : identityOf(first);
      this.#find('token', behind > next ? `it covers ${what}` : `it does not cover ${what}`);
    }
  }

  #judgeEnd(): void {
    for (const { placed, next, isReading } of this.#tracks.values()) {
      if (isReading) return this.#find('silent', 'it never synced');
      const [first] = next === undefined ? [] : placed.slice(next);
      if (first !== undefined) this.#find('silent', `${identityOf(first.change)} never came`);
    }
  }

  #find(rule: WatchRule, text: string): void {
    this.#findings.push({ rule, watch: this.#watching.name, text });
  }
}

/** The place of the first change behind this position. */
function placeBehind(placed: readonly Placed[], { index, skip = 0 }: Position): number {
  const place = placed.findIndex((one) => one.index > index);
  return Math.min(placed.length, (place === -1 ? placed.length : place) + skip);
}
