/**
 * The streams that a replica serves. Applying an entry notes the changed keys, and no more; their
 * streams are found in bounded steps, and messages are made by jobs of the streams' connections in
 * the fair queue.
 *
 * Invariant: a stream that is synced has sent all changes of its range through the head of the
 * history, unless changes of its range are still on their way to it; its position may be older. So
 * it is moved on before a change of its range counts.
 */

import { unreachable } from '../base/assert.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { Random } from '../base/random.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import type { Changes } from '../machine/key-change.ts';
import type { Position } from '../raft/position.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { Failure, Response } from '../wire/response.ts';
import { ChangedRanges } from './changed-ranges.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';
import { SHARD_LIMITS } from './limits.ts';
import { OpenStream, type StreamServer, type StreamTerms } from './open-stream.ts';
import { PageRead } from './page-read.ts';
import type { Requester } from './proposals.ts';
import type { Reading } from './reading.ts';
import type { ReplicaState } from './replica-state.ts';
import type { StreamHandle } from './responder.ts';
import { SharedScan } from './shared-scan.ts';
import { WatchedRanges } from './watched-ranges.ts';

type ChangesResponse = Extract<Response, { type: 'changes' }>;

const { changesBytesMax, progressMilliseconds, silenceMilliseconds } = WATCH_LIMITS;
const { changeCost, requestCost } = FAIRNESS_LIMITS;
const SCAN = { bytesMax: changesBytesMax, changesMax: SHARD_LIMITS.scanChangesMax };

export class Streams {
  readonly #state: ReplicaState;
  readonly #reading: Reading;
  readonly #shared: SharedScan;
  readonly #ranges: WatchedRanges<OpenStream>;
  readonly #server: StreamServer;
  readonly #open = new Set<OpenStream>();
  /** Changes of which not all streams were told. */
  readonly #changed: ChangedRanges<OpenStream>;
  /** A step of telling waits in the queue, among the requests that come from no client. */
  #isTelling = false;
  /** Changes were missed here, so no stream is synced any more. */
  #hasMissed = false;
  /** They cannot go on before this index is applied here. */
  readonly #behind = new Map<OpenStream, number>();
  /** Their clients want to know when everything through some indexes was sent. */
  readonly #reaching = new Map<OpenStream, Reach>();
  /** They wait for a view of the store. */
  readonly #viewless = new Set<OpenStream>();
  /** The state was current then, and since when that is counted. */
  #provenAt = 0;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(state: ReplicaState, reading: Reading) {
    this.#state = state;
    this.#reading = reading;
    this.#shared = new SharedScan(state.history);
    // No client can know the order of the priorities.
    const ranges = new WatchedRanges<OpenStream>({ random: new Random(state.member) });
    this.#ranges = ranges;
    this.#changed = new ChangedRanges({
      ranges,
      limits: state.context.telling ?? SHARD_LIMITS.telling,
      items: this.#open,
      tell: (stream, before) => this.#unsync(stream, before),
    });
    this.#server = {
      ranges,
      get now() {
        return state.now;
      },
      run: (stream) => this.#run(stream),
      schedule: (stream) => this.#schedule(stream),
      reach: (stream, index) => this.#reach(stream, index),
      remove: (stream) => this.#remove(stream),
    };
  }

  get size(): number {
    return this.#open.size;
  }

  /** Different watched ranges. */
  get ranges(): number {
    return this.#ranges.size;
  }

  /** Entries that the slowest stream is behind the history, as far as it has begun. */
  get lagEntries(): number {
    const { index } = this.#state.history.head;
    let lag = 0;
    for (const { isSynced, stream } of this.#open) {
      if (!isSynced) lag = Math.max(lag, index - (stream.position?.index ?? index));
    }
    return lag;
  }

  open(requester: Requester, terms: StreamTerms): StreamHandle {
    const { now, context } = this.#state;
    if (this.#open.size === 0) this.#provenAt = now;
    const stream = new OpenStream({ requester, terms, server: this.#server });
    this.#open.add(stream);
    context.streams.streams += 1;
    this.#schedule(stream);
    return stream;
  }

  /** The next entry is applied, behind this position. */
  applied(before: Position, changes: Changes): void {
    if (this.#open.size === 0) return;
    if (changes === 'unrecorded') {
      this.#hasMissed = true;
      return;
    }
    for (const { key } of changes) this.#changed.note(key, before);
  }

  /** Another state has replaced the present one. */
  replaced(): void {
    this.#hasMissed = true;
    this.flush();
  }

  /** Required: after entries were applied, before any job of a stream runs. */
  flush(): void {
    // First: no stream is moved over what was missed.
    if (this.#hasMissed) {
      this.#hasMissed = false;
      this.#changed.clear();
      for (const stream of this.#open) {
        stream.isSynced = false;
        this.#schedule(stream);
      }
    }
    this.#changed.work();
    this.#scheduleTelling();
    const { applied } = this.#state;
    for (const [stream, index] of this.#behind) {
      if (index > applied) continue;
      this.#behind.delete(stream);
      this.#schedule(stream);
    }
    for (const [stream, { next }] of this.#reaching) if (next <= applied) this.#schedule(stream);
  }

  tick(): void {
    if (this.#open.size === 0) return;
    this.#shared.forget();
    const { now } = this.#state;
    for (const stream of this.#viewless) this.#schedule(stream);
    this.#viewless.clear();
    if (now - this.#provenAt > silenceMilliseconds) return this.end('not-fresh');
    for (const stream of this.#behind.keys()) {
      const isLate = now - stream.openedAt > SHARD_LIMITS.catchUpMilliseconds;
      if (isLate) this.#end(stream, 'not-fresh');
    }
    if (now - this.#askedAt < progressMilliseconds) return;
    this.#askForProof();
    this.#renewRecording();
  }

  /** All streams end here. */
  end(failure: Failure): void {
    for (const stream of [...this.#open]) this.#end(stream, failure);
  }

  #reach(stream: OpenStream, index: number): void {
    if (stream.isClosed) return;
    const { next = index, last = index } = this.#reaching.get(stream) ?? {};
    const reach = { next: Math.min(next, index), last: Math.max(last, index) };
    this.#reaching.set(stream, reach);
    this.#schedule(stream);
  }

  /** Changes of its range may have come behind the position. */
  #unsync(stream: OpenStream, before: Position): void {
    const { position } = stream.stream;
    // Otherwise it has come further by itself.
    const isEarlier = position !== undefined && position.index < before.index;
    if (stream.isSynced && isEarlier) stream.stream.skipTo(before);
    stream.isSynced = false;
    this.#schedule(stream);
  }

  #scheduleTelling(): void {
    if (this.#isTelling || this.#changed.isEmpty) return;
    this.#isTelling = true;
    this.#inSteps(() => {
      const steps = this.#changed.work();
      this.#isTelling = false;
      this.#scheduleTelling();
      return steps;
    });
  }

  /** Each of the streams that are synced now, or become so meanwhile, tells how far it has come. */
  #oweProgress(): void {
    const streams = this.#open.values();
    const step = (): number => {
      const { stepsMax } = SHARD_LIMITS.telling;
      for (let steps = 0; steps < stepsMax; steps++) {
        const { value: stream, done } = streams.next();
        if (done === true) return steps;
        if (!stream.isSynced) continue;
        stream.owesProgress = true;
        this.#schedule(stream);
      }
      this.#inSteps(step);
      return stepsMax;
    };
    this.#inSteps(step);
  }

  /** A step of what is done for many streams takes its turn with requests that are no client's. */
  #inSteps(step: () => number): void {
    const run = () => step() * requestCost;
    this.#state.context.fair.add(undefined, { run, isOver: true }, 'asked');
  }

  /** Its job has one place in the queue of its connection. */
  #schedule(stream: OpenStream): void {
    const { isQueued, isClosed, page, requester } = stream;
    if (isQueued || isClosed || page !== undefined) return;
    stream.isQueued = true;
    // A page competes with other ranges for views; a message waits its turn like a new request.
    const stage = stream.stream.isInitial ? 'granted' : 'asked';
    this.#state.context.fair.add(requester.responder.share, stream, stage);
  }

  /** One step of a stream. Returns the cost. */
  #run(stream: OpenStream): number {
    stream.isQueued = false;
    if (stream.isClosed) return 0;
    if (!this.#begin(stream)) return requestCost;
    if (stream.isSynced && !this.#changed.isEmpty) {
      const before = this.#changed.before(stream.range);
      if (before !== undefined) this.#unsync(stream, before);
    }
    if (stream.isSynced) {
      stream.stream.skipTo(this.#state.history.head);
      this.#tell(stream);
      return requestCost;
    }
    if (stream.stream.isInitial && !this.#state.store.hasViews) {
      this.#viewless.add(stream);
      return requestCost;
    }
    return requestCost + this.#advance(stream);
  }

  /** Whether the state that the stream wants is here. */
  #begin(stream: OpenStream): boolean {
    if (stream.hasBegun) return true;
    const { atLeast, isNew } = stream;
    const { applied, machine, logTime } = this.#state;
    if (applied < atLeast) {
      this.#behind.set(stream, atLeast);
      return false;
    }
    stream.hasBegun = true;
    // What is read page by page could never be completed.
    const isRecording = machine.recordUntil >= logTime;
    if (!isNew || isRecording) return true;
    this.#end(stream, 'not-recording');
    return false;
  }

  #advance(stream: OpenStream): number {
    const isWhole = !stream.stream.isInitial;
    const history = isWhole ? this.#shared.of(stream.range) : this.#state.history;
    const step = stream.stream.next(history, SCAN);
    switch (step.type) {
      case 'changes': {
        const { block, after, through, scanned } = step;
        this.#send(stream, 'changes', { after, through, block });
        this.#schedule(stream);
        return block.length + scanned * changeCost;
      }
      case 'scanned':
        this.#schedule(stream);
        return step.scanned * changeCost;
      case 'read':
        this.#read(stream, step.from);
        return 0;
      case 'synced':
        stream.isSynced = true;
        this.#tell(stream);
        return 0;
      case 'waiting':
        this.#waitForEntries(stream);
        return 0;
      case 'gone':
        this.#state.context.streams.gone += 1;
        this.#end(stream, 'history-gone');
        return 0;
      default:
        return unreachable(step);
    }
  }

  /** With credit and without a page it waits for entries. */
  #waitForEntries(opened: OpenStream): void {
    const { position, isBlocked } = opened.stream;
    if (!isBlocked && position !== undefined) this.#behind.set(opened, position.index);
  }

  #read(stream: OpenStream, from: Uint8Array): void {
    const { shard, store, context } = this.#state;
    const { keysOnly, requester } = stream;
    const { share } = requester.responder;
    const { to } = stream.range;
    stream.page = new PageRead({
      ...{ shard, store, fair: context.fair, share, from, to, keysOnly },
      onDone: (page) => {
        stream.page = undefined;
        if (page instanceof StateDamage) return this.#end(stream, this.#state.damaged(page));
        const { block, cursor } = page;
        const move = stream.stream.took(block.length, cursor);
        const kind = cursor === undefined ? 'rows-end' : 'rows';
        this.#send(stream, kind, { ...move, block, cursor });
        this.#schedule(stream);
      },
    });
    stream.page.begin();
  }

  /** What a synced stream owes its client. */
  #tell(stream: OpenStream): void {
    const { head } = this.#state.history;
    const reach = this.#reaching.get(stream);
    const isReached = reach !== undefined && reach.next <= head.index;
    if (!isReached && !stream.owesProgress) return;
    stream.owesProgress = false;
    if (isReached && reach.last <= head.index) this.#reaching.delete(stream);
    else if (isReached) reach.next = head.index + 1;
    this.#send(stream, 'progress', { ...stream.stream.progress(), block: NO_BYTES });
  }

  #send(stream: OpenStream, kind: ChangesResponse['kind'], message: Message): void {
    const { after, through, block, cursor = NO_BYTES } = message;
    const { responder, id } = stream.requester;
    const totals = this.#state.context.streams;
    totals.messages += 1;
    totals.bytes += block.length;
    stream.messages += 1;
    const at = { after: after.index, through: through.index, throughTerm: through.term };
    const { messages: sequence } = stream;
    responder.respond({ type: 'changes', id, sequence, ...at, kind, block, cursor });
  }

  #askForProof(): void {
    const { now } = this.#state;
    this.#askedAt = now;
    const respond = (response: Response) => {
      if (response.type === 'rows') return this.#prove(now, response.index);
      // An election may be in progress.
      const { proofRetryMilliseconds } = SHARD_LIMITS;
      this.#askedAt = now - progressMilliseconds + proofRetryMilliseconds;
    };
    const what = { type: 'keys', keys: [] } as const;
    const until = now + progressMilliseconds;
    this.#reading.readStale({ requester: { responder: { respond }, id: 0 }, until, what }, 0);
  }

  /** What was committed at that time is applied, through this index at least. */
  #prove(at: number, index: number): void {
    this.#provenAt = Math.max(this.#provenAt, at);
    this.#oweProgress();
    if (!this.#state.isLeader) return;
    // No leader lacks what was committed before it was asked: the position is of a history that was
    // forced anew.
    for (const [stream, wanted] of this.#behind) {
      if (stream.openedAt < at && wanted > index) this.#end(stream, 'history-gone');
    }
  }

  #renewRecording(): void {
    const { machine, logTime } = this.#state;
    const left = machine.recordUntil - logTime;
    if (left < SHARD_LIMITS.recordMilliseconds / 2) this.#state.report({ type: 'recording-due' });
  }

  #end(stream: OpenStream, failure: Failure): void {
    if (stream.isClosed) return;
    this.#remove(stream);
    this.#state.fail(stream.requester, failure);
  }

  #remove(stream: OpenStream): void {
    if (stream.isClosed) return;
    stream.isClosed = true;
    stream.page?.cancel();
    this.#open.delete(stream);
    this.#behind.delete(stream);
    this.#reaching.delete(stream);
    this.#viewless.delete(stream);
    this.#ranges.remove(stream.range, stream);
    if (stream.range.items.size === 0) this.#changed.forget(stream.range);
    this.#state.context.streams.streams -= 1;
  }
}

/**
 * The least and the greatest index that a client waits for. Between the two it is told every one
 * that is reached, so nothing is kept for those between.
 */
interface Reach {
  next: number;
  readonly last: number;
}

interface Message {
  readonly after: Position;
  readonly through: Position;
  readonly block: Uint8Array;
  readonly cursor?: Uint8Array | undefined;
}
