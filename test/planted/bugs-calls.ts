/** Planted bugs in the calls of the client: entries, transactions, errors. */

import type { Bug } from './bug.ts';

const PLANTED: readonly Omit<Bug, 'profiles' | 'isFast'>[] = [
  {
    name: 'lives-by-log-time',
    sentence: 'an entry of a scan takes the log time of its shard for the clock of the client',
    file: 'src/client/core/query-request.ts',
    find: 'clock: now - response.time',
    replace: 'clock: 0 * (now - response.time)',
    tests: ['entries'],
  },
  {
    name: 'a-life-begins-when-it-is-shown',
    sentence: 'an entry that waits in a page has its whole life before it when it is shown',
    file: 'src/client/encoding.ts',
    find: 'lifeLeft(expiresAt + clock - this.home.now())',
    replace: 'lifeLeft(expiresAt + (this.first ??= clock - this.home.now()))',
    tests: ['entries'],
  },
  {
    name: 'a-key-with-two-encodings',
    sentence: 'bytes that are no tuple are decoded as one that has other bytes',
    file: 'src/client/key.ts',
    find: 'at + length > bytes.length || !isShortest',
    replace: 'at + length > bytes.length',
    tests: ['entries'],
  },
  {
    name: 'ranges-of-a-blind-run',
    sentence: 'a transaction that has scanned, and read no key, does not validate what it saw',
    file: 'src/client/read-write-set.ts',
    find: 'return this.#told.size + this.ranges.length === 0;',
    replace: 'return this.#told.size === 0;',
    tests: ['blind-writes'],
  },
  {
    name: 'the-last-addition-counts',
    sentence: 'of several additions of a transaction to one key only the last one is made',
    file: 'src/client/blind-write.ts',
    find: 'computed(former.type, next.operand, former.operand)',
    replace: 'computed(former.type, next.operand, undefined)',
    tests: ['blind-writes'],
  },
  {
    name: 'a-demand-is-tried-again',
    sentence: 'a check of a transaction that fails makes its function run until the timeout',
    file: 'src/client/read-write-set.ts',
    find: 'position >= this.#told.size && position < this.checks.length',
    replace: 'position > this.#told.size && position < this.checks.length',
    tests: ['blind-writes'],
  },
  {
    name: 'absence-of-no-moment',
    sentence: 'a transaction that writes nothing checks an absence without the index of a read',
    file: 'src/client/transaction-loop.ts',
    find: 'if (readWriteSet.writes.count === 0)',
    replace: 'if (readWriteSet.writes.count < 0)',
    tests: ['blind-writes'],
  },
  {
    name: 'a-blind-write-is-a-put-ahead',
    sentence: 'a scan shows what a transaction adds as if nothing were stored',
    file: 'src/client/merged-scan.ts',
    find: 'isStored ? found.row : undefined',
    replace: 'undefined',
    tests: ['blind-writes'],
  },
  {
    name: 'an-idle-client-is-in-an-outage',
    sentence: 'a connection that is lost begins an outage, though no dial was tried since',
    file: 'src/client/core/connections.ts',
    find: 'if (node === undefined && this.#byNode.size === 0)',
    replace: 'if (this.#byNode.size === 0)',
    tests: ['outage'],
  },
  {
    name: 'an-outage-without-end',
    sentence: 'a client that failed fast does not try to connect again',
    file: 'src/client/core/core.ts',
    find: 'this.isBusy || this.#outage.takeProbe()',
    replace: 'this.isBusy',
    tests: ['outage'],
  },
  {
    name: 'the-line-of-the-library',
    sentence: 'with debug the stack of an error has only lines of the library',
    file: 'src/client/call-site.ts',
    find: 'const value = own + text.slice(at);',
    replace: 'const value = own;',
    tests: ['call-site'],
  },
  {
    name: 'a-late-worker-finishes',
    sentence: 'a worker whose time was over finishes the job that another one has',
    file: 'src/layers/queue.ts',
    find: '.check(busyKey(id), version);',
    replace: ';',
    tests: ['queue'],
  },
  {
    name: 'a-job-without-a-hold',
    sentence: 'a job that a worker has is given to the next one',
    file: 'src/layers/queue.ts',
    find: 'await this.#hold(taking, id, this.#options.visibility).commit();',
    replace: 'await taking.commit();',
    tests: ['queue'],
  },
  {
    name: 'a-job-that-never-dies',
    sentence: 'a job whose workers all die is tried for ever',
    file: 'src/layers/queue.ts',
    find: 'const isDead = stored.attempts >= this.#options.attempts;',
    replace: 'const isDead = false;',
    tests: ['queue'],
  },
  {
    name: 'a-hold-wakes-no-worker',
    sentence: 'a waiting worker is not woken by the end of the time of another one',
    file: 'src/layers/queue.ts',
    find: "event.type === 'expire' ||",
    replace: '',
    tests: ['queue'],
  },
  {
    name: 'a-form-of-keys-that-is-not-inherited',
    sentence: 'a space within one with tuple keys returns its keys as text',
    file: 'src/client/encoding.ts',
    find: 'kind: keys ?? this.kind',
    replace: "kind: keys ?? 'text'",
    tests: ['library'],
  },
];

/** Unit tests find them within seconds. */
export const CALL_BUGS: readonly Bug[] = PLANTED.map((bug) => {
  return { ...bug, profiles: [], isFast: true };
});
