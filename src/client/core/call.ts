/** What a user asks for, as the core takes it. */

import type { Command } from '../../machine/command.ts';
import type { Reply } from '../../machine/reply.ts';
import type { Row } from '../../machine/row.ts';
import type { ReadLevel } from '../../wire/request.ts';
import type { KeyRange } from './range.ts';
import type { PageCall } from './scan.ts';
import type { Settled } from './settled.ts';

/** One command. All its keys lie in one shard, and it writes something. */
export interface WriteCall extends Settled<Replied> {
  readonly type: 'write';
  readonly command: Command;
}

export interface Replied {
  readonly type: 'replied';
  /** Done, or a check that failed: a refusal is a failure. */
  readonly reply: Exclude<Reply, { type: 'refused' }>;
}

/** The rows of some keys. Those of one shard are as of one moment. */
export interface ReadCall extends Settled<RowsRead> {
  readonly type: 'read';
  readonly keys: readonly Uint8Array[];
  readonly level: ReadLevel;
}

export interface RowsRead {
  readonly type: 'rows';
  /** One for each key. Their bytes keep the frame alive in which they came. */
  readonly rows: readonly (Row | undefined)[];
}

/** How many keys there are in a range, shard by shard. */
export interface CountCall extends Settled<Counted> {
  readonly type: 'count';
  readonly range: KeyRange;
  readonly level: ReadLevel;
}

interface Counted {
  readonly type: 'counted';
  readonly count: number;
}

/** Ends well as soon as the client knows the cluster. */
interface ReadyCall extends Settled<Ready> {
  readonly type: 'ready';
}

interface Ready {
  readonly type: 'ready';
}

export type Call = ReadyCall | WriteCall | ReadCall | PageCall | CountCall;
