/** A write of the core itself, in one shard: it ends what other calls began. */

import type { Command } from '../../../machine/command.ts';
import type { Replied } from '../call.ts';
import type { CallFailure } from '../call-failure.ts';
import type { LeaseUse } from './lease-use.ts';

export interface CoreWrite {
  readonly command: Command;
  readonly timeoutMilliseconds: number;
  readonly trace?: LeaseUse;
  readonly settle: (result: Replied | CallFailure) => void;
}
