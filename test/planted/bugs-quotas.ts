/** Bugs of limits and shares of users, and of who may ask by HTTP. */

import type { Bug, Planted } from './bug.ts';

const BUCKET = { file: 'src/access/token-bucket.ts', tests: ['token-bucket'] };
const USE = { file: 'src/node/user-use.ts', tests: ['user-use', 'user-limits'] };
const CHARGE = { file: 'src/node/request-charge.ts', tests: ['user-use'] };
const CONTROL = { file: 'src/node/access-control.ts', tests: ['user-limits'] };
const STREAMS = { file: 'src/node/client-streams.ts', tests: ['user-use'] };
const QUEUE = { file: 'src/shard/fair-queue.ts', tests: ['fair-queue'] };
const ORIGIN = { file: 'src/transport/origin-check.ts', tests: ['origin-check', 'plain-http'] };
const SOCKETS = { file: 'src/transport/web-sockets.ts', tests: ['web-hostile', 'plain-http'] };
const HTTP = { file: 'src/runtime/http-endpoints.ts', tests: ['http-endpoints'] };

const PLANTED: readonly Planted[] = [
  {
    ...BUCKET,
    name: 'clock-back-refills',
    sentence: 'a clock that goes back refills the bucket when it goes on',
    find: 'if (passed <= 0) return;',
    replace: 'if (passed <= 0) { this.#filledAt = now; return; }',
    isFast: true,
  },
  {
    ...BUCKET,
    name: 'rest-saves-all',
    sentence: 'a user that rests saves up more than one burst',
    find: 'Math.min(this.#level + (passed * this.#perSecond) / 1000, this.#levelMax)',
    replace: 'this.#level + (passed * this.#perSecond) / 1000',
  },
  {
    ...BUCKET,
    name: 'debt-is-forgiven',
    sentence: 'what a request costs beyond the bucket is not paid for',
    find: 'Math.max(this.#level - cost, -debtMax)',
    replace: 'Math.max(this.#level - cost, 0)',
  },
  {
    ...CHARGE,
    name: 'batch-counts-once',
    sentence: 'a batch counts as one request, however many commands it has',
    find: 'Math.max(decodeBatch(batch)?.commands.length ?? 0, 1)',
    replace: '1',
    isFast: true,
  },
  {
    ...CHARGE,
    name: 'administration-is-limited',
    sentence: 'a user without requests left may not change limits any more',
    find: 'command: EXEMPT',
    replace: 'command: ONE',
  },
  {
    ...USE,
    name: 'answers-are-free',
    sentence: 'the bytes of answers do not count',
    find: 'this.#bytes += bytes; this.#byteTokens.take(bytes); } info()',
    replace: 'this.#bytes += bytes; } info()',
  },
  {
    ...USE,
    name: 'limits-of-the-disabled',
    sentence: 'limits hold without access control',
    find: 'isEnabled ? limitsOf(limited, user) : UNLIMITED',
    replace: 'limitsOf(limited, user)',
  },
  {
    ...USE,
    name: 'one-stream-more',
    sentence: 'a user has one stream more than it may have',
    find: 'this.streams > watches',
    replace: 'this.streams > watches + 1',
  },
  {
    file: 'src/node/clients.ts',
    tests: ['user-use', 'user-limits'],
    name: 'limits-per-connection',
    sentence: 'the use of a user is forgotten when a connection of it ends',
    find: 'client.countFor(undefined);',
    replace: 'if (client.use !== undefined) this.users.learn({ users: [], limited: [] });',
  },
  {
    ...STREAMS,
    name: 'ended-streams-count',
    sentence: 'a stream that has ended counts for ever',
    find: 'if (wasOpen && this.#count !== undefined) this.#count.streams -= 1;',
    replace: '',
  },
  {
    ...CONTROL,
    name: 'excess-stays',
    sentence: 'connections beyond a lower limit stay open',
    find: 'if (allowed > 0 && count > allowed)',
    replace: 'if (false)',
  },
  {
    ...CONTROL,
    name: 'connections-unlimited',
    sentence: 'a user has as many connections as it likes',
    find: 'principal.admin.size === 0 && !use.admitsConnection()',
    replace: 'false',
  },
  {
    ...CONTROL,
    name: 'administrator-locked-out',
    sentence: 'the limit of connections holds for administrators',
    find: 'principal.admin.size === 0 && !use.admitsConnection()',
    replace: '!use.admitsConnection()',
  },
  {
    ...CONTROL,
    name: 'share-per-connection',
    sentence: 'each connection of a user has a share of the node',
    find: 'fair.regroup(client.share, use.group);',
    replace: '',
  },
  {
    file: 'src/node/peer-frames.ts',
    tests: ['user-limits'],
    name: 'forwarded-share-alone',
    sentence: 'each client of another node has a share of its own, and not its user',
    find: 'this.shares.of(from, client, groupOf)',
    replace: 'this.shares.of(from, client)',
  },
  {
    ...QUEUE,
    name: 'group-pays-nothing',
    sentence: 'what one flow costs, the others of its user do not pay',
    find: 'this.group.credit -= cost;',
    replace: '',
  },
  {
    file: 'src/shard/fair-quota.ts',
    tests: ['fair-quota'],
    name: 'part-per-flow',
    sentence: 'each connection of a user has a part of what is bounded',
    find: 'this.#of.get(share.group) ?? 0',
    replace: 'this.#of.get(share) ?? 0',
  },
  {
    ...ORIGIN,
    name: 'origin-by-prefix',
    sentence: 'a page is let in whose origin begins as a listed one',
    find: 'origins.includes(header)',
    replace: 'origins.some((one) => header.startsWith(one))',
    isFast: true,
  },
  {
    ...SOCKETS,
    name: 'upgrade-from-any-page',
    sentence: 'the origin of a WebSocket is not looked at',
    find: "else if (verdict.type === 'refused')",
    replace: 'else if (false)',
  },
  {
    file: 'src/transport/plain-http.ts',
    tests: ['plain-http'],
    name: 'plain-from-any-page',
    sentence: 'a page of any origin is answered, and the browser has to keep it from the page',
    find: "verdict.type === 'refused'",
    replace: 'false',
  },
  {
    ...HTTP,
    name: 'metrics-by-prefix',
    sentence: 'the beginning of the token is enough for metrics',
    find: 'isSameDigest(digestOfToken(token), metricsDigest)',
    replace: 'isSameDigest(digestOfToken(token).slice(0, 0), metricsDigest.slice(0, 0))',
    isFast: true,
  },
  {
    ...HTTP,
    name: 'private-port-has-metrics',
    sentence: 'a private port shows metrics to all',
    find: "if (isHidden && path === '/metrics') return text(404, ELSEWHERE);",
    replace: '',
  },
  {
    ...HTTP,
    name: 'users-for-all',
    sentence: 'names of users are shown to all who reach the port of a node',
    find: "return port === 'health' || metricsDigest !== undefined;",
    replace: 'return true;',
  },
  {
    file: 'src/catalog/access-changes.ts',
    tests: ['access'],
    name: 'limits-outlive-the-user',
    sentence: 'a new user has the limits of a deleted one of its name',
    find: 'table.passwords.filter(isOther), table.limited.filter(isOther)',
    replace: 'table.passwords.filter(isOther), table.limited',
  },
];

export const QUOTA_BUGS: readonly Bug[] = PLANTED.map((bug) => ({
  ...bug,
  profiles: [],
  isFast: bug.isFast === true,
}));
