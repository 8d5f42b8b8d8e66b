/** An operating failure, as people meet it: what happened, whether it took effect, what to do. */

/** Whether what was asked for has happened. `unknown`: it may have, or still may, at most once. */
export type Outcome = 'applied' | 'notApplied' | 'unknown';

/** One attempt at one place, and what came of it. */
export interface Attempt {
  /** The url that was asked, or the shard if nobody could be. */
  readonly endpoint: string;
  readonly what: string;
}

/** What each code means for the caller. A code is never given a second meaning. */
const CODES = {
  /** Time and place. */
  timeout: [true, 'look at `attempts`; raise `timeout` if the cluster needs longer'],
  unreachable: [true, 'check that the urls are right and that the nodes listen there'],
  overloaded: [true, 'ask less at a time, or later'],
  contended: [true, 'others write the same keys: try again later, or write them less often'],
  'too-many-calls': [true, 'wait for earlier calls before you make more'],
  aborted: [false, 'the signal of the call was aborted'],
  closed: [false, 'the client was closed; connect again'],
  'wrong-cluster': [
    false,
    'the nodes are of another cluster than is meant; check the urls, and `kvctl status`',
  ],
  'answer-lost': [false, 'read the keys to see whether the write is there'],
  'read-only': [true, 'the disk of a node is nearly full: delete something, or add space'],
  /** A store in this process. */
  'folder-in-use': [true, 'close the store that has the folder, or end the process that does'],
  'folder-unusable': [false, 'see the message; nothing was changed'],
  'store-damaged': [
    false,
    'put back an intact copy of the folder, or save what is sound: `kvctl salvage`',
  ],
  'store-failed': [false, 'mend what the message names and open the folder again'],
  /** What was asked. */
  'key-twice': [false, 'write a key once in one atomic command'],
  'invalid-argument': [false, 'see the message'],
  'key-too-large': [false, 'keys have 1 to `keyBytesMax` bytes; use a shorter one'],
  'value-too-large': [false, 'cut the value into several keys, or raise `valueBytesMax`'],
  'command-too-large': [false, 'do less in one atomic command or transaction'],
  'result-too-large': [false, 'read large values outside of the atomic command'],
  'not-a-number': [false, 'add, min and max need a value that is an integer'],
  overflow: [false, 'the result does not fit 64 bits'],
  'unsupported-value': [false, 'use a codec that can spell this value'],
  'damaged-value': [false, 'read the key with the codec that it was written with'],
  'value-lost': [
    false,
    'write or delete the key to go on without it; `kvctl salvage` tells what else is damaged',
  ],
  'membership-refused': [false, 'see the message; nothing was changed'],
  'bad-cursor': [
    false,
    'pass a cursor on as it was given, with the same space, range and direction',
  ],
  /** A fault of ours or of the other side. */
  refused: [false, 'client and cluster may be of versions that do not fit; report it'],
} as const satisfies Record<string, readonly [isRetryable: boolean, hint: string]>;

export type KvErrorCode = keyof typeof CODES;

interface KvErrorOptions {
  readonly code: KvErrorCode;
  readonly outcome: Outcome;
  /** What failed, on what, why. */
  readonly message: string;
  readonly attempts?: readonly Attempt[];
  readonly cause?: unknown;
}

const READ_FIRST = 'it may have happened: read the keys before you ask again';

/** Match `code`, never the message. */
export class KvError extends Error {
  override readonly name = 'KvError';
  readonly code: KvErrorCode;
  readonly outcome: Outcome;
  /**
   * The same call may succeed later, and nothing can happen twice by it: nothing was applied. False
   * where the outcome is unknown; read the keys then before you ask again.
   */
  readonly retryable: boolean;
  readonly hint: string;
  /** The latest ones, the last one last. */
  readonly attempts: readonly Attempt[];

  constructor({ code, outcome, message, attempts = [], cause }: KvErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    const [isRetryable, hint] = CODES[code];
    this.code = code;
    this.outcome = outcome;
    this.retryable = isRetryable && outcome === 'notApplied';
    this.hint = outcome === 'unknown' ? READ_FIRST : hint;
    this.attempts = attempts;
  }
}
