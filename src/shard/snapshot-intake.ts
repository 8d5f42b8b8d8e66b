/** Receives a snapshot chunk by chunk, verifies it, and makes it the shard's state. */

import { assert } from '../base/assert.ts';
import type { ShardId } from '../base/ids.ts';
import type { SnapshotChunk, SnapshotDescription } from '../raft/message.ts';
import type { ReceivedChunk } from '../raft/ready.ts';
import { STATE_LIMITS } from '../storage/limits.ts';
import type { SnapshotInstall } from '../storage/snapshot/snapshot-install.ts';
import type { StateStore } from '../storage/state/state-store.ts';

export class SnapshotIntake {
  readonly #shard: ShardId;
  readonly #store: StateStore;
  #install: SnapshotInstall | undefined;
  /** Chunks of one sender that found no room or no place, in the order of their offsets. */
  #waiting: SnapshotChunk[] = [];
  #waitingBytes = 0;
  /** All chunks of the snapshot with this index came, and its verification was not reported yet. */
  #awaited: number | undefined;
  #isSwitching = false;
  /** It was reported as sound: the core may build on it. */
  #isPromised = false;

  constructor(shard: ShardId, store: StateStore) {
    this.#shard = shard;
    this.#store = store;
  }

  /** All chunks came, and the disk has not reported yet whether they are sound. */
  get isAwaited(): boolean {
    return this.#awaited !== undefined;
  }

  get isSwitching(): boolean {
    return this.#isSwitching;
  }

  /**
   * Whether the core may have the chunk now. If not it is kept, as far as there is room: the sender
   * gets no answer and waits, which is the flow control.
   */
  admits(chunk: SnapshotChunk): boolean {
    const isFirst = this.#waiting.length === 0;
    if (isFirst && this.#hasRoom && (!this.#needsPlace(chunk) || this.#ask())) return true;
    // A sender that repeats itself keeps its place in the queue.
    if (!this.#isOpen) this.#ask();
    this.#keep(chunk);
    return false;
  }

  /** The next waiting chunk that may go to the core. */
  takeWaiting(): SnapshotChunk | undefined {
    const chunk = this.#waiting[0];
    if (chunk === undefined || !this.#hasRoom) return undefined;
    const mayBegin = this.#needsPlace(chunk) ? this.#store.mayInstall(this.#shard) : true;
    // It lost its place: its sender has not repeated itself for long.
    if (mayBegin === undefined) this.#forgetWaiting();
    if (mayBegin !== true) return undefined;
    this.#waiting.shift();
    this.#waitingBytes -= chunk.data.length;
    return chunk;
  }

  take(chunk: ReceivedChunk): void {
    assert(!this.#isSwitching, 'no snapshot is received while another is installed');
    if (chunk.offset === 0) {
      this.#install = this.#store.install(this.#shard, chunk.snapshot);
      this.#awaited = undefined;
    }
    const install = this.#install;
    const isNext =
      install?.description.index === chunk.snapshot.index && install.offset === chunk.offset;
    if (isNext) install.take(chunk.data);
    // A gap leaves the install short of its end, so that verification fails.
    if (chunk.isLast) this.#awaited = chunk.snapshot.index;
  }

  /** Reported once, when the disk has all chunks and has verified them. */
  verdict(): { readonly index: number; readonly isSound: boolean } | undefined {
    const [index, install] = [this.#awaited, this.#install];
    if (index === undefined) return undefined;
    const isOurs = install?.description.index === index;
    if (isOurs && install.status === 'coming' && install.isBusy) return undefined;
    this.#awaited = undefined;
    this.#isPromised = isOurs && install.status === 'sound';
    if (!this.#isPromised) this.#giveUp();
    return { index, isSound: this.#isPromised };
  }

  /** A sound snapshot that does not become the state is discarded. */
  forget(): void {
    if (!this.#isPromised || this.#isSwitching) return;
    this.#isPromised = false;
    this.#giveUp();
  }

  /** The core did not need the chunk for which a place was requested. */
  leaveUnused(): void {
    if (!this.#isOpen && this.#waiting.length === 0) this.#store.leaveInstall(this.#shard);
  }

  /** The core installs it; `done` is called when it is durable. */
  switchTo(snapshot: SnapshotDescription, done: () => void): void {
    const install = this.#install;
    assert(install?.description.index === snapshot.index, 'only a verified snapshot is installed');
    this.#isSwitching = true;
    this.#store.switchTo(install, () => {
      this.#isSwitching = false;
      this.#isPromised = false;
      this.#install = undefined;
      done();
    });
  }

  /** Whether pending chunks leave room for another one. */
  get #hasRoom(): boolean {
    if (this.isAwaited || this.#isPromised) return false;
    return this.#install?.hasRoom ?? true;
  }

  /** It begins a snapshot here, which only a bounded number of shards of a node may do at once. */
  #needsPlace({ offset }: SnapshotChunk): boolean {
    return offset === 0 && !this.#isOpen;
  }

  /** A snapshot is being received, and its sender was not given up. */
  get #isOpen(): boolean {
    return this.#install !== undefined && !this.#install.isOver;
  }

  #ask(): boolean {
    return this.#store.askToInstall(this.#shard);
  }

  /** Keeps chunks of the newest sender only, each offset once. */
  #keep(chunk: SnapshotChunk): void {
    const last = this.#waiting.at(-1);
    const isSame =
      last !== undefined &&
      last.from === chunk.from &&
      last.term === chunk.term &&
      last.snapshot.index === chunk.snapshot.index;
    if (!isSame) this.#forgetWaiting();
    else if (chunk.offset !== last.offset + last.data.length) return;
    if (this.#waitingBytes + chunk.data.length > STATE_LIMITS.installQueueBytesMax) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.data.length;
  }

  #forgetWaiting(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #giveUp(): void {
    if (this.#install !== undefined) this.#store.giveUp(this.#install);
    this.#install = undefined;
    this.#store.leaveInstall(this.#shard);
  }
}
