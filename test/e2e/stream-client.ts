/** A client with one stream, by raw requests: it keeps a copy, and checks every message. */

import assert from 'node:assert/strict';
import { decodeMap } from '../../src/catalog/map-bytes.ts';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import type { Request, StreamStart } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { RawClient } from './raw-client.ts';

type Changes = Extract<Response, { type: 'changes' }>;

const NO_BYTES = new Uint8Array();
const STREAM = 1_000_000;
const CREDIT = 1024 * 1024;

export class StreamClient {
  #raw: RawClient;
  /** Versions of the keys of the range. */
  readonly copy = new Map<string, number>();
  readonly values = new Map<string, string>();
  start: StreamStart | undefined;
  isSynced = false;
  /** Why the stream ended; undefined while it is open. */
  failure: string | undefined;
  /** Each change, as it came. */
  readonly changes: KeyChange[] = [];
  progress = 0;
  /** Credit is granted for what has come. */
  grants = true;
  #parts: KeyChange[] = [];
  #stream = STREAM;
  #messages = 0;
  #next = 1;

  constructor(raw: RawClient) {
    this.#raw = raw;
    raw.onResponse = (response) => this.#hear(response);
  }

  static async open(port: number): Promise<StreamClient> {
    return new StreamClient(await RawClient.open(port));
  }

  get raw(): RawClient {
    return this.#raw;
  }

  /** Goes on at another node, from where it is. */
  async move(port: number): Promise<void> {
    this.#raw.end();
    this.#raw = await RawClient.open(port);
    this.#raw.onResponse = (response) => this.#hear(response);
    this.#parts = [];
    this.failure = undefined;
  }

  /** A position behind everything that was acknowledged. */
  async barrier(shard: number): Promise<number> {
    const { raw } = this;
    for (;;) {
      const epoch = await this.#epochOf(shard);
      const about = { from: NO_BYTES, to: NO_BYTES, isRecording: true, patienceMilliseconds: 5000 };
      const request = { type: 'barrier', id: this.#next++, shard, epoch, ...about };
      const answer = await answerOf(raw, request as Request);
      if (answer.type === 'barrier') return answer.index;
      await pause();
    }
  }

  async watch(shard: number, { atLeast = 0, credit = CREDIT } = {}): Promise<void> {
    const epoch = await this.#epochOf(shard);
    this.#stream += 1;
    this.#messages = 0;
    const bounds = { from: NO_BYTES, to: NO_BYTES, keysOnly: false };
    const about = { id: this.#stream, shard, epoch, start: this.start, atLeast, credit };
    this.raw.send({ type: 'watch', ...about, ...bounds } as Request);
  }

  grant(bytes: number): void {
    this.raw.send({ type: 'credit', id: this.#stream, bytes });
  }

  cancel(): void {
    this.raw.send({ type: 'cancel', id: this.#stream });
  }

  reach(index: number): void {
    this.raw.send({ type: 'reach', id: this.#stream, index });
  }

  get position(): number {
    return this.start?.position.index ?? 0;
  }

  async until(isOver: () => boolean): Promise<void> {
    await this.raw.until(isOver);
  }

  async #epochOf(shard: number): Promise<number> {
    const answer = await answerOf(this.raw, { type: 'map', id: this.#next++, knownVersion: 0 });
    const map = answer.type === 'map' ? decodeMap(answer.map, undefined) : undefined;
    return map?.shards[shard]?.epoch ?? 0;
  }

  #hear(response: Response): void {
    if (response.id !== this.#stream) return;
    if (response.type === 'failed') this.failure = response.failure;
    if (response.type === 'changes') this.#take(response);
  }

  #take(message: Changes): void {
    const { sequence, kind, after, through, throughTerm, block, cursor } = message;
    this.#messages += 1;
    assert.equal(sequence, this.#messages, 'messages are counted');
    assert.equal(after, this.position, 'a message continues where the client is');
    if (this.grants && block.length > 0) this.grant(block.length);
    const changes = decodeChanges(block);
    assert.ok(changes);
    if (kind === 'progress') this.progress += 1;
    this.#parts.push(...changes);
    if (kind === 'changes' && through === after) return;
    for (const change of this.#parts) this.#apply(change, kind !== 'changes');
    this.#parts = [];
    const isAll = kind === 'rows-end' || (this.start !== undefined && !this.start.cursor);
    const open = kind === 'rows' ? cursor : this.start?.cursor;
    const position = { index: through, term: throughTerm };
    this.start = { position, cursor: isAll ? undefined : (open ?? NO_BYTES) };
    if (kind === 'rows-end') this.isSynced = true;
  }

  #apply(change: KeyChange, isRow: boolean): void {
    const key = Buffer.from(change.key).toString();
    const known = this.copy.get(key) ?? 0;
    if (!isRow) {
      assert.equal(change.previous, known, `the version before a change of ${key}`);
      this.changes.push(change);
    }
    if (change.kind === 'set') {
      this.copy.set(key, change.version);
      this.values.set(key, Buffer.from(change.value ?? NO_BYTES).toString());
    } else {
      this.copy.delete(key);
      this.values.delete(key);
    }
  }
}

/** Of a request among responses to others. */
async function answerOf(raw: RawClient, request: Request): Promise<Response> {
  let found: Response | undefined;
  const before = raw.onResponse;
  raw.onResponse = (response) => {
    if (response.id === request.id) found = response;
    else before?.(response);
  };
  raw.send(request);
  await raw.until(() => found !== undefined);
  raw.onResponse = before;
  return found as Response;
}

function pause(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, 50));
}
