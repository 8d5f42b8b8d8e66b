/** Planted bugs in the file system of `ringkv/files`. */

import type { Bug, Planted } from './bug.ts';

const FILES = 'src/layers/files';

const PLANTED: readonly Planted[] = [
  {
    name: 'collected-between-write-and-link',
    sentence: 'a collection takes a file that is being written for one whose writer has died',
    file: `${FILES}/collector.ts`,
    find: 'if ((await leases.get(tagOf(content))) !== undefined)',
    replace: 'if (content === undefined)',
    tests: ['collection'],
  },
  {
    name: 'a-dead-content-is-linked',
    sentence: 'a writer whose content was given up links it, and its chunks go',
    file: `${FILES}/tree.ts`,
    find: '(await tx.in(writers).get(key)) === undefined',
    replace: 'writers === undefined',
    tests: ['collection'],
  },
  {
    name: 'late-chunks-behind-the-collection',
    sentence: 'an abandoned content is collected while requests of its writer may still arrive',
    file: `${FILES}/collector.ts`,
    find: "!(everything && value.reason === 'unlinked')",
    replace: '!everything',
    tests: ['collection'],
  },
  {
    name: 'chunks-before-their-hashes',
    sentence: 'chunks are sent before a piece lists them, so no collection finds them',
    file: `${FILES}/content-writer.ts`,
    find: 'await this.#list(batch); await this.#sending; this.#sending = this.#send(batch);',
    replace: `await this.#sending; this.#sending = this.#send(batch);
      await this.#sending; await this.#list(batch);`,
    tests: ['collection'],
  },
  {
    name: 'a-piece-goes-before-its-chunks',
    sentence: 'a collection that dies has forgotten the chunks that it did not take yet',
    file: `${FILES}/collector.ts`,
    find: 'await eachOf([...new Set(hashesIn(value))]',
    replace: 'await pieces.delete(key); await eachOf([...new Set(hashesIn(value))]',
    tests: ['collection'],
  },
  {
    name: 'nothing-is-kept-for-readers',
    sentence: 'the content of a replaced file is collected under its readers at once',
    file: `${FILES}/tree.ts`,
    find: 'if (this.#retain > 0)',
    replace: 'if (this.#retain < 0)',
    tests: ['collection'],
  },
  {
    name: 'a-chunk-goes-with-its-first-reference',
    sentence: 'a chunk is deleted although other files reference it',
    file: `${FILES}/chunk-store.ts`,
    find: 'prefix: below(hash)',
    replace: 'prefix: below(content)',
    tests: ['file-system'],
  },
  {
    name: 'a-chunk-that-was-there',
    sentence: 'a writer references a chunk that was collected since it was seen',
    file: `${FILES}/chunk-store.ts`,
    find: 'sizes.atomic().check(known).in(references)',
    replace: 'sizes.atomic().in(references)',
    tests: ['concurrency'],
  },
  {
    name: 'a-reference-added-meanwhile',
    sentence: 'that a chunk has no reference is not validated with its removal',
    file: `${FILES}/chunk-store.ts`,
    find: 'for await (const _ of tx.scan({ prefix: below(hash), limit: 1 })) {',
    replace: `for await (const found of references.scan({ prefix: below(hash), limit: 2 })) {
      if (String(found.key) === referenceKey(hash, content)) continue;`,
    tests: ['concurrency'],
  },
  {
    name: 'a-flipped-chunk-is-served',
    sentence: 'the hash of a chunk is not checked when it is read',
    file: `${FILES}/content-reader.ts`,
    find: 'if (hashOf(bytes) === hash && bytes.length === length)',
    replace: 'if (bytes.length === length)',
    tests: ['file-system'],
  },
  {
    name: 'a-cycle-of-folders',
    sentence: 'a rename does not validate the path of its target',
    file: `${FILES}/tree.ts`,
    find: 'await placeAt(tx, to)];',
    replace: 'await this.#records.entries.transaction((own) => placeAt(own, to))];',
    tests: ['concurrency'],
  },
  {
    name: 'a-file-in-a-removed-folder',
    sentence: 'that a removed folder is empty is not validated with its removal',
    file: `${FILES}/tree.ts`,
    find: 'tx.scan({ prefix: below(id)',
    replace: 'this.#records.entries.scan({ prefix: below(id)',
    tests: ['concurrency'],
  },
  {
    name: 'a-rename-leaves-the-old-name',
    sentence: 'a rename does not take the old name away',
    file: `${FILES}/tree.ts`,
    find: 'tx.delete(source.key).set(target.key, moved)',
    replace: 'tx.set(target.key, moved)',
    tests: ['model'],
  },
  {
    name: 'a-copy-that-does-not-count',
    sentence: 'the content of a copy goes with the name that it was copied from',
    file: `${FILES}/tree.ts`,
    find: '{ names: names + 1 }',
    replace: '{ names }',
    tests: ['file-system'],
  },
  {
    name: 'an-append-is-lost',
    sentence: 'an append replaces what another client has appended meanwhile',
    file: `${FILES}/tree.ts`,
    find: 'terms.ifVersion !== undefined &&',
    replace: 'terms.ifVersion === -1 &&',
    tests: ['file-system'],
  },
];

export const FILES_BUGS: readonly Bug[] = PLANTED.map((bug) => {
  return { ...bug, profiles: [], isFast: false };
});
