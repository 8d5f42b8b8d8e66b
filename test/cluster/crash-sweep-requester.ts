/**
 * The requester of a transaction: retries, with the same bytes and at another node, until it
 * learns the outcome.
 */

import type { ShardId } from '../../src/base/ids.ts';
import { decodeReply, type Reply } from '../../src/machine/reply.ts';
import type { NodeCore } from '../../src/node/node-core.ts';
import type { Response } from '../../src/wire/response.ts';
import type { Agenda } from '../sim/agenda.ts';
import type { Computer } from './computer.ts';

interface RequesterOptions {
  readonly agenda: Agenda;
  readonly computers: readonly Computer[];
  readonly shard: ShardId;
  readonly transaction: Uint8Array;
}

const REST_MILLISECONDS = 30;
/** Longer than anything a node does for a transaction that it continues. */
const PATIENCE_MILLISECONDS = 6000;

export class TransactionRequester {
  readonly #options: RequesterOptions;
  #at = 0;
  /** Number of requests; an answer to an earlier one is late, and still true. */
  #asked = 0;
  /** All answers, in the order of arrival. */
  readonly told: Reply[] = [];
  toldAt = Number.POSITIVE_INFINITY;

  constructor(options: RequesterOptions) {
    this.#options = options;
  }

  get asked(): number {
    return this.#asked;
  }

  /** To the computer with this index first, then to the others in turn. */
  begin(at: number): void {
    this.#at = at;
    this.#ask();
  }

  /** One more request, to one node, after everything is over. */
  askOnce(core: NodeCore, done: (reply: Reply | undefined) => void): void {
    this.#put(core, (response) => done(replyIn(response)));
  }

  #ask(): void {
    const { agenda, computers } = this.#options;
    const computer = computers[this.#at % computers.length];
    const core = computer?.core;
    if (core === undefined) return this.#next();
    const until = agenda.now + PATIENCE_MILLISECONDS;
    let isOver = false;
    this.#put(core, (response) => {
      if (this.#hear(replyIn(response)) || isOver) return;
      isOver = true;
      agenda.after(REST_MILLISECONDS, () => this.#next());
    });
    // The connection breaks with the process.
    const watch = () => {
      if (isOver || this.told.length > 0) return;
      if (computer?.core === core && agenda.now < until) return agenda.after(1, watch);
      isOver = true;
      this.#next();
    };
    watch();
  }

  #next(): void {
    if (this.told.length > 0) return;
    this.#at += 1;
    this.#options.agenda.after(REST_MILLISECONDS, () => this.#ask());
  }

  #put(core: NodeCore, respond: (response: Response) => void): void {
    const { shard, transaction } = this.#options;
    this.#asked += 1;
    const epoch = core.state.map?.shards[shard]?.epoch ?? 0;
    core.ask({ type: 'transact', id: this.#asked, shard, epoch, transaction }, { respond });
  }

  #hear(reply: Reply | undefined): boolean {
    if (reply === undefined) return false;
    if (this.told.length === 0) this.toldAt = this.#options.agenda.now;
    this.told.push(reply);
    return true;
  }
}

function replyIn(response: Response): Reply | undefined {
  const bytes = response.type === 'written' ? response.replies[0] : undefined;
  return bytes && decodeReply(bytes);
}
