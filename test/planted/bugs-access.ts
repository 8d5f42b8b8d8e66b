/** Bugs of access control: checks left out at each door, and rights that outlive a revocation. */

import type { Bug, Planted } from './bug.ts';

const PRINCIPAL = { file: 'src/access/principal.ts', tests: ['principal'] };
const CONTROL = { file: 'src/node/access-control.ts', tests: ['access', 'access-doors'] };
const NEEDS = { file: 'src/node/needs.ts', tests: ['needs', 'access-doors'] };
const CHANGES = { file: 'src/catalog/access-changes.ts', tests: ['access'] };

const PLANTED: readonly Planted[] = [
  {
    ...PRINCIPAL,
    name: 'any-secret-does',
    sentence: 'a token is accepted by its id, whatever its secret is',
    find: 'row === undefined || !isSameDigest(row.digest, digest)',
    replace: 'row === undefined',
    isFast: true,
  },
  {
    ...PRINCIPAL,
    name: 'token-without-end',
    sentence: 'the time of a token is not looked at',
    find: 'return expiresAt > 0 && expiresAt <= wall;',
    replace: 'return false;',
  },
  {
    ...PRINCIPAL,
    name: 'range-by-its-start',
    sentence: 'a range is permitted if its first key is',
    find: 'need.verbs.some((verb) => contains(ranges[verb], need))',
    replace: 'need.verbs.some((verb) => containsKey(ranges[verb], need.from))',
  },
  {
    file: 'src/access/access-table.ts',
    tests: ['principal'],
    name: 'scope-left-out',
    sentence: 'a token has all roles of its user, whatever its scope',
    find: 'scope.length === 0 ? roles',
    replace: 'scope.length >= 0 ? roles',
  },
  {
    file: 'src/access/intervals.ts',
    tests: ['principal'],
    name: 'one-key-beyond',
    sentence: 'the first key behind a granted range is permitted',
    find: 'compareBytes(key, to) < 0',
    replace: 'compareBytes(key, to) <= 0',
  },
  {
    ...CONTROL,
    name: 'hidden-map-is-enough',
    sentence: 'users that come with the rest of a map are not looked for',
    find: 'const isNews = version !== this.#known.version || isHidden !== this.#known.isHidden;',
    replace: 'const isNews = version !== this.#known.version;',
    isFast: true,
  },
  {
    ...CONTROL,
    name: 'forwarded-is-trusted',
    sentence: 'what another node has forwarded is served without being permitted again',
    find: 'const failure = this.#judge(request, responder.principal);',
    replace: 'const failure = isForwarded ? undefined : this.#judge(request, responder.principal);',
  },
  {
    ...CONTROL,
    name: 'open-outlives-rights',
    sentence: 'a client whose rights have changed stays connected as it was',
    find: 'if (hasOpen || isOther)',
    replace: 'if (false)',
  },
  {
    ...NEEDS,
    name: 'only-first-part',
    sentence: 'of a transaction only the part of its home shard is permitted',
    find: 'decodeTransaction(transaction)?.parts.map(',
    replace: 'decodeTransaction(transaction)?.parts.slice(0, 1).map(',
  },
  {
    ...NEEDS,
    name: 'catalog-rows-are-keys',
    sentence: 'a user that may read all keys may read the rows of the catalog',
    find: "if (isOfCatalog && request.type !== 'settle') return 'nodes-only';",
    replace: '',
  },
  {
    ...NEEDS,
    name: 'watch-unchecked',
    sentence: 'a watch needs a token, and no grant',
    find: "watch: ({ from, to }) => [{ type: 'range', verbs: ['watch'], from, to }]",
    replace: "watch: () => 'known'",
  },
  {
    ...NEEDS,
    name: 'check-is-no-read',
    sentence: 'a writer learns values by conditions',
    find: "'check-value': ({ key }) => [{ type: 'key', verbs: ['read'], key }], 'check-presence'",
    replace: "'check-value': () => [], 'check-presence'",
  },
  {
    ...CHANGES,
    name: 'revocation-keeps-epochs',
    sentence: 'a revoked token leaves the epochs of the shards as they are',
    find: "'delete-token': 'narrows'",
    replace: "'delete-token': 'widens'",
  },
  {
    ...CHANGES,
    name: 'last-root-goes',
    sentence: 'the last user that can change users is deleted',
    find: 'if (table.isEnabled && !hasRoot(table))',
    replace: 'if (false)',
  },
  {
    ...CHANGES,
    name: 'second-root-by-enabling',
    sentence: 'enabling access control again makes another root',
    find: "if (table.isEnabled) return 'unsound';",
    replace: '',
  },
  {
    file: 'src/catalog/catalog.ts',
    tests: ['access'],
    name: 'command-by-former-rights',
    sentence: 'the catalog executes a command that was permitted before a revocation',
    find: 'if ((this.#map?.access?.version ?? 0) !== accessVersion) return undefined;',
    replace: '',
  },
  {
    file: 'src/catalog/map-bytes.ts',
    tests: ['access'],
    name: 'clients-see-users',
    sentence: 'the map for clients has all users and digests',
    find: 'map.access && hidden(map.access)',
    replace: 'map.access',
  },
  {
    file: 'src/shard/read-server.ts',
    tests: ['replica'],
    name: 'read-by-former-rights',
    sentence: 'a leader serves a read that was permitted before its shard adopted a revocation',
    find: 'read.epoch < (moment.machine.epoch ?? 0)',
    replace: 'read.epoch < 0',
  },
  {
    file: 'src/node/transaction-service.ts',
    tests: ['access-doors'],
    name: 'part-of-unknown-rights',
    sentence: 'a home leader permits a part by older rights than the participant has adopted',
    find: 'if (epoch > arc.epoch)',
    replace: 'if (false)',
  },
  {
    ...CONTROL,
    name: 'open-before-it-was-enabled',
    sentence: 'a user keeps the watches that it opened when everyone might open them',
    find: 'const hasOpen = isBegun && !client.isIdle;',
    replace: 'const hasOpen = isBegun && client.principal === undefined && !client.isIdle;',
  },
  {
    ...CHANGES,
    name: 'table-that-none-can-read',
    sentence: 'a change is accepted that no replica of the catalog can read from its state',
    find: ' && decode(ACCESS, stored) !== undefined',
    replace: '',
    isFast: true,
  },
  {
    file: 'src/node/peer-outbox.ts',
    tests: ['peer-outbox'],
    name: 'forwards-beside-heartbeats',
    sentence: 'what is forwarded for a user shares a frame with heartbeats, however large it is',
    find: 'isForward(message) ||',
    replace: "message.type === 'forward' ||",
    isFast: true,
  },
];

export const ACCESS_BUGS: readonly Bug[] = PLANTED.map((bug) => {
  return { isFast: false, ...bug, profiles: [] };
});
