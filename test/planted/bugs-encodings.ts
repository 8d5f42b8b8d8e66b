/** Planted bugs in the encodings: bytes of strangers that a decoder takes. */

import type { Bug } from './bug.ts';

const SCHEMAS = { file: 'src/base/schema.ts', profiles: [], tests: ['schema'], isFast: true };

export const ENCODING_BUGS: readonly Bug[] = [
  {
    ...SCHEMAS,
    name: 'bytes-behind-a-value',
    sentence: 'a value is decoded although other bytes follow it',
    find: 'return reader.isBroken || reader.left > 0 ? undefined : value;',
    replace: 'return reader.isBroken ? undefined : value;',
  },
  {
    ...SCHEMAS,
    name: 'count-beyond-its-bounds',
    sentence: 'a number above the declared maximum is decoded',
    find: 'if (value < min || value > max)',
    replace: 'if (value < min)',
  },
  {
    ...SCHEMAS,
    name: 'list-believes-its-header',
    sentence: 'the header of a list announces more items than its bytes could hold',
    find: 'reader.array(max, of.bytesMin)',
    replace: 'reader.array(max, 0)',
  },
  {
    ...SCHEMAS,
    name: 'variant-of-any-length',
    sentence: 'a message has elements that its type does not have',
    find: 'if (body === undefined || length !== 1 + body.elements)',
    replace: 'if (body === undefined)',
  },
  {
    ...SCHEMAS,
    name: 'half-an-optional-value',
    sentence: 'an array of another length is taken for an absent value',
    find: 'if (length > 0)',
    replace: 'if (length < 0)',
  },
  {
    ...SCHEMAS,
    name: 'nothing-contradicts-itself',
    sentence: 'a decoded value is not checked by its predicate',
    find: 'if (!reader.isBroken && !isSound(value))',
    replace: 'if (!reader.isBroken && !isSound(value) && false)',
  },
  {
    ...SCHEMAS,
    name: 'octets-of-any-length',
    sentence: 'a digest or a token that is too short is decoded',
    find: 'if (value.length !== length)',
    replace: 'if (value.length > length)',
  },
  {
    name: 'parts-without-a-common-bound',
    sentence: 'each part of a transaction may have as many operations as all of them together',
    file: 'src/machine/transaction-codec.ts',
    find: 'if (length === 0 || left < 0)',
    replace: 'if (length === 0)',
    profiles: [],
    tests: ['step-bytes'],
    isFast: true,
  },
  {
    name: 'long-result-written-again',
    sentence: 'a long result changes with the next one, since the writer keeps its buffer',
    file: 'src/base/message-pack.ts',
    find: 'if (this.#kept !== undefined) this.#bytes = this.#kept;',
    replace: '',
    profiles: [],
    tests: ['message-pack'],
    isFast: true,
  },
  {
    name: 'words-at-any-offset',
    sentence: 'long bytes are hashed as words wherever they begin',
    file: 'src/base/hash.ts',
    find: '((bytes.byteOffset + from) & 3) === 0',
    replace: 'true',
    profiles: [],
    tests: ['hash'],
    isFast: true,
  },
];
