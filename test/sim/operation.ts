/** The operations of clients, and their encoding as commands in the log. */

export type OperationKind = 'read' | 'write' | 'cas' | 'append' | 'noop';

/** `value` is unique to the operation, so that a read identifies the write that it saw. */
export interface Operation {
  readonly id: number;
  readonly kind: OperationKind;
  readonly key: number;
  readonly value: number;
  /** The digest of what a `cas` expects. */
  readonly expected: number;
}

/** A key holds the last written value and whatever was appended to it since. */
export type Values = readonly number[];

/** `isDone` is false for a `cas` that found something else; `values` is what the key holds then. */
export interface Reply {
  readonly isDone: boolean;
  readonly values: Values;
}

const KINDS: readonly OperationKind[] = ['read', 'write', 'cas', 'append', 'noop'];
const BYTES = 14;

/** Padding makes payloads of any size above the minimum. */
export function encodeOperation(operation: Operation, padding: number): Uint8Array {
  const bytes = new Uint8Array(BYTES + padding);
  bytes[0] = KINDS.indexOf(operation.kind);
  bytes[1] = operation.key;
  putWord(bytes, 2, operation.id);
  putWord(bytes, 6, operation.value);
  putWord(bytes, 10, operation.expected);
  return bytes;
}

export function decodeOperation(bytes: Uint8Array): Operation {
  return {
    kind: KINDS[bytes[0] ?? 0] ?? 'noop',
    key: bytes[1] ?? 0,
    id: wordAt(bytes, 2),
    value: wordAt(bytes, 6),
    expected: wordAt(bytes, 10),
  };
}

/** Represents a whole list of values in one word. */
export function digestOf(values: Values): number {
  let mixed = 0x9e3779b1 + values.length;
  for (const value of values) {
    mixed = Math.imul(mixed ^ value, 0x85ebca77) + 0x165667b1;
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  }
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

export function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}

export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)) >>>
    0
  );
}
