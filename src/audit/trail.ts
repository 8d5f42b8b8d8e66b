/**
 * The writer of the audit trail: a bounded queue in front of files that hold the chain. The node
 * never waits for it. What does not fit, or cannot be written, is dropped and counted, and the
 * chain has a line for each gap.
 */

import { isoText, monotoneNow, wallNow } from '../base/ambient.ts';
import { isError } from '../base/is-error.ts';
import type { AppendFile, AppendFolder } from '../storage/files/append-folder.ts';
import { fileName, type Link, lineAfter } from './chain.ts';
import { AUDIT_LIMITS } from './limits.ts';
import type { AuditProgress, AuditRecord } from './record.ts';
import type { KnownFile, RecoveredTrail } from './recovery.ts';

interface AuditTrailOptions {
  readonly folder: AppendFolder;
  /** Of one file, and of all of them. */
  readonly fileBytesMax?: number;
  readonly bytesMax?: number;
  /** A power cut loses the lines of this time at most; 0 syncs each write. */
  readonly syncMilliseconds?: number;
  readonly retryMilliseconds?: number;
  /** Called in later turns, never within `add`. */
  readonly onProgress: (progress: AuditProgress) => void;
  /** The lines cannot be written, or can be written again: for the logger. */
  readonly onTrouble: (text: string) => void;
  readonly wall?: () => number;
  readonly now?: () => number;
}

/** A line that waits. */
interface Waiting {
  /** As JSON, without what the chain adds. */
  readonly content: string;
  readonly bytes: number;
  /** Of a line `begun`: the number of its request. */
  readonly request: number;
}

/** Lines that were dropped in a row. */
interface Gap {
  lost: number;
  readonly since: string;
  until: string;
}

/** What the first line of a file says of it, beside its number. */
type FileReason = Readonly<Record<string, unknown>>;

/** In memory beside the text of a line. */
const LINE_OVERHEAD = 256;

export class AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #fileBytesMax: number;
  readonly #bytesMax: number;
  readonly #syncMilliseconds: number;
  readonly #wall: () => number;
  readonly #now: () => number;
  readonly #files: KnownFile[];
  #queue: (Waiting | Gap)[] = [];
  #queuedBytes = 0;
  #queuedLines = 0;
  /** The first ones of the queue, which are being written. */
  #inFlight = 0;
  #file: AppendFile | undefined;
  #link: Link;
  /** The last line that survives a power cut. */
  #syncedLink: Link;
  #removedThrough: number;
  /** The next line opens a new file, and says why. */
  #newFile: FileReason | undefined;
  /** 0 before it has one. */
  #node = 0;
  readonly #torn: number;
  /** The last file ends with an incomplete line, which opening it cuts. */
  #mustCut: boolean;
  #lines = 0;
  #dropped = 0;
  #bytes = 0;
  /** Of the last request `begun` that was written, and of the last one that was synced. */
  #written = 0;
  #durable = 0;
  #isWorking = true;
  /** A line was dropped, and its gap is not in the chain yet. */
  #hasGap = false;
  #isDirty = false;
  #syncedAt: number;
  #isRunning = false;
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  /** It continues what was found in the folder. Nothing is written before the first line. */
  constructor(options: AuditTrailOptions, found: RecoveredTrail) {
    const { fileBytesDefault, bytesDefault, syncMillisecondsDefault } = AUDIT_LIMITS;
    this.#options = options;
    this.#fileBytesMax = options.fileBytesMax ?? fileBytesDefault;
    this.#bytesMax = options.bytesMax ?? bytesDefault;
    this.#syncMilliseconds = options.syncMilliseconds ?? syncMillisecondsDefault;
    this.#wall = options.wall ?? wallNow;
    this.#now = options.now ?? monotoneNow;
    this.#files = found.files;
    this.#link = found.link;
    this.#syncedLink = found.link;
    this.#removedThrough = found.removedThrough;
    this.#syncedAt = this.#now();
    if (found.files.length === 0 || found.hasStub) this.#newFile = {};
    if (found.fault !== undefined) this.#newFile = { broken: found.fault };
    this.#torn = found.torn;
    // A file whose chain is broken stays as it is.
    this.#mustCut = found.torn > 0 && found.fault === undefined;
  }

  /** The node has its number, and begins to serve. */
  begin(node: number): void {
    this.#node = node;
    // An incomplete line was cut when the file was opened.
    const torn = this.#torn > 0 ? { tornBytes: this.#torn } : {};
    this.#enqueue({ kind: 'start', ...torn });
  }

  /** The line is dropped, and counted, if there is no room for it. */
  add({ kind, request, ...about }: AuditRecord): void {
    const begun = about.outcome === 'begun' ? (request ?? 0) : 0;
    const named = request === undefined ? about : { request, ...about };
    this.#enqueue({ kind, ...named }, begun);
  }

  get progress(): AuditProgress {
    return {
      isWorking: this.#isWorking,
      durable: this.#durable,
      lines: this.#lines,
      dropped: this.#dropped,
      bytes: this.#bytes,
      sequence: this.#syncedLink.sequence,
      head: this.#syncedLink.hash,
    };
  }

  /** Resolves when all lines are written and synced, or could not be. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#node > 0) this.#enqueue({ kind: 'stop' });
    this.#isClosing = true;
    clearTimeout(this.#timer);
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#wake();
    });
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  #enqueue(about: Readonly<Record<string, unknown>>, request = 0): void {
    if (this.#isClosing) return;
    const at = isoText(this.#wall());
    const { kind, ...rest } = about;
    const content = JSON.stringify({ at, node: this.#node, kind, ...rest });
    const bytes = Buffer.byteLength(content) + LINE_OVERHEAD;
    const { queueLinesMax, queueBytesMax } = AUDIT_LIMITS;
    const isFull = this.#queuedLines >= queueLinesMax || this.#queuedBytes + bytes > queueBytesMax;
    if (isFull) this.#drop(at);
    else {
      this.#queue.push({ content, bytes, request });
      this.#queuedLines += 1;
      this.#queuedBytes += bytes;
    }
    this.#wake();
  }

  #drop(at: string): void {
    this.#dropped += 1;
    // The writer may hang at the disk for long.
    if (!this.#hasGap) setImmediate(() => this.#heedGap());
    this.#hasGap = true;
    // What is being written stays as it is.
    const last = this.#queue.length > this.#inFlight ? this.#queue.at(-1) : undefined;
    if (last !== undefined && 'lost' in last) {
      last.lost += 1;
      last.until = at;
    } else {
      this.#queue.push({ lost: 1, since: at, until: at });
    }
  }

  #wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Lines of one turn share a write.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#heedGap();
      const isDone = await this.#step();
      if (isDone === 'idle') break;
      if (isDone === 'done') continue;
      if (this.#isClosing) break;
      await this.#rest();
    }
    this.#isRunning = false;
    this.#onIdle?.();
    if (!this.#isDirty || this.#isClosing) return;
    const due = this.#syncedAt + this.#syncMilliseconds - this.#now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake(), Math.max(due, 1));
    this.#timer.unref();
  }

  /** One write, or one sync. */
  async #step(): Promise<'done' | 'failed' | 'idle'> {
    const isDue = this.#isDirty && this.#now() >= this.#syncedAt + this.#syncMilliseconds;
    try {
      // Also under load: otherwise only a rotation would sync.
      if (isDue && this.#isWorking && this.#file !== undefined) await this.#sync();
      // After a failure also without lines: requests wait until the trail can be written again.
      else if (this.#queue.length > 0 || !this.#isWorking) await this.#write();
      else if (this.#isDirty && this.#isClosing) await this.#sync();
      else return 'idle';
      return 'done';
    } catch (error) {
      this.#inFlight = 0;
      await this.#fail(error);
      return 'failed';
    }
  }

  /** Time passes; the next attempt opens the file anew. */
  #rest(): Promise<void> {
    const milliseconds = this.#options.retryMilliseconds ?? AUDIT_LIMITS.retryMilliseconds;
    return new Promise((resolve) => {
      setTimeout(resolve, milliseconds).unref();
    });
  }

  async #write(): Promise<void> {
    const batch = this.#nextBatch();
    const file = await this.#fileFor(batch);
    this.#inFlight = batch.length;
    let link = this.#link;
    let text = '';
    for (const one of batch) {
      const line = lineAfter(link, 'lost' in one ? this.#gapLine(one) : one.content);
      link = line.link;
      text += line.text;
    }
    const bytes = Buffer.from(text);
    await file.append(bytes);
    this.#taken(batch, { link, bytes: bytes.length });
    if (this.#syncMilliseconds === 0) await this.#sync();
    else this.#settle();
  }

  /** The oldest lines, as many as fit a write. They stay queued until they are written. */
  #nextBatch(): readonly (Waiting | Gap)[] {
    let bytes = 0;
    const end = this.#queue.findIndex((one) => {
      bytes += 'lost' in one ? LINE_OVERHEAD : one.bytes;
      return bytes > AUDIT_LIMITS.writeBytesMax;
    });
    return end < 0 ? [...this.#queue] : this.#queue.slice(0, Math.max(end, 1));
  }

  #gapLine({ lost, since, until }: Gap): string {
    const at = isoText(this.#wall());
    return JSON.stringify({ at, node: this.#node, kind: 'gap', lost, since, until });
  }

  #taken(
    batch: readonly (Waiting | Gap)[],
    { link, bytes }: { readonly link: Link; readonly bytes: number },
  ): void {
    for (const one of batch) {
      if ('lost' in one) continue;
      this.#queuedLines -= 1;
      this.#queuedBytes -= one.bytes;
      if (one.request > 0) this.#written = one.request;
    }
    this.#queue.splice(0, batch.length);
    this.#inFlight = 0;
    this.#link = link;
    this.#lines += batch.length;
    this.#grew(bytes);
  }

  #grew(bytes: number): void {
    this.#bytes += bytes;
    this.#isDirty = true;
    const last = this.#files.at(-1);
    if (last !== undefined) last.bytes += bytes;
  }

  /** The last file, or a new one if that is full. Removes the oldest files beyond the bound. */
  async #fileFor(batch: readonly (Waiting | Gap)[]): Promise<AppendFile> {
    const bytes = batch.reduce((sum, one) => sum + ('lost' in one ? 0 : one.bytes), LINE_OVERHEAD);
    const last = this.#files.at(-1);
    const isFull = last !== undefined && last.bytes + bytes > this.#fileBytesMax;
    if (isFull && this.#newFile === undefined) this.#newFile = {};
    const isOpened = this.#newFile === undefined || this.#mustCut || this.#isDirty;
    if (last !== undefined && isOpened) {
      this.#file ??= await this.#options.folder.open(last.name, last.bytes);
      this.#mustCut = false;
    }
    if (this.#file === undefined || this.#newFile !== undefined) return await this.#begin();
    return this.#file;
  }

  /**
   * The first line says what is removed before it is removed: after a crash between the two, files
   * are there that it calls removed, and never the reverse.
   */
  async #begin(): Promise<AppendFile> {
    const { folder } = this.#options;
    if (this.#isDirty) await this.#sync();
    const number = (this.#files.at(-1)?.number ?? 0) + 1;
    const gone = this.#surplus();
    const through = gone === 0 ? 0 : (this.#files[gone]?.first ?? this.#link.sequence + 1) - 1;
    const removedThrough = Math.max(this.#removedThrough, through);
    const name = fileName(number);
    const file = await folder.open(name, 0);
    try {
      const at = isoText(this.#wall());
      const about = { at, node: this.#node, kind: 'file', file: number, removedThrough };
      const line = lineAfter(this.#link, JSON.stringify({ ...about, ...this.#newFile }));
      const bytes = Buffer.from(line.text);
      await file.append(bytes);
      await file.sync();
      await this.#file?.close().catch(() => {});
      this.#files.push({ name, number, first: line.link.sequence, bytes: 0 });
      this.#file = file;
      this.#link = line.link;
      this.#lines += 1;
      this.#removedThrough = removedThrough;
      this.#newFile = undefined;
      this.#grew(bytes.length);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    for (const { name: old } of this.#files.splice(0, gone)) await folder.remove(old);
    return file;
  }

  /** How many of the oldest files are beyond the bound, once another file is full. */
  #surplus(): number {
    let bytes = this.#files.reduce((sum, file) => sum + file.bytes, this.#fileBytesMax);
    let count = 0;
    for (const file of this.#files) {
      if (bytes <= this.#bytesMax) break;
      bytes -= file.bytes;
      count += 1;
    }
    return count;
  }

  async #sync(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    try {
      await file.sync();
    } catch (error) {
      // What a failed sync has lost cannot be synced again: the chain shows what is missing.
      this.#newFile = { syncFailed: String(error) };
      this.#isDirty = false;
      throw error;
    }
    this.#isDirty = false;
    this.#syncedAt = this.#now();
    this.#durable = this.#written;
    this.#syncedLink = this.#link;
    this.#settle();
  }

  /** Lines are written again. */
  #settle(): void {
    this.#hasGap = this.#queue.some((one) => 'lost' in one);
    if (!this.#isWorking && !this.#hasGap) {
      this.#isWorking = true;
      this.#options.onTrouble('the audit trail is written again');
    }
    this.#options.onProgress(this.progress);
  }

  /** Lines were dropped since the last write. */
  #heedGap(): void {
    if (!this.#hasGap || !this.#isWorking) return;
    this.#suspend('the queue of the audit trail was full: lines were dropped');
  }

  async #fail(error: unknown): Promise<void> {
    const text = isError(error) ? error.message : String(error);
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    const { path } = this.#options.folder;
    if (this.#isWorking) this.#suspend(`the audit trail in ${path} cannot be written: ${text}`);
    else this.#options.onProgress(this.progress);
  }

  #suspend(text: string): void {
    this.#isWorking = false;
    this.#options.onTrouble(text);
    this.#options.onProgress(this.progress);
  }
}
