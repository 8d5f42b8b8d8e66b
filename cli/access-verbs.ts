/** Verbs for users, tokens and roles. */

import type { OptionSpec, Verb } from './verb.ts';

function action(...choices: readonly string[]): Verb['words'][number] {
  const description = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return { form: '<action>', kind: 'command', description, choices };
}

const OUT_OPTION: OptionSpec = {
  flags: '--out <file>',
  description: 'write the token to this file (mode 0600) instead of standard output',
};

const PASSWORD_FILE_OPTION: OptionSpec = {
  flags: '--password-file <file>',
  description: 'file with the password; only its owner may read it',
};

export const ACCESS_VERBS: readonly Verb[] = [
  {
    name: 'access',
    summary: 'show, enable or disable access control',
    words: [action('status', 'enable', 'disable')],
    options: [
      OUT_OPTION,
      { flags: '--force', description: 'enable it although the nodes have no cluster secret' },
    ],
    formats: ['table', 'json'],
    details: `Until it is enabled, everyone who reaches a node may do everything. enable makes
the user root with a token, which is printed once and stored nowhere. disable
keeps users, tokens and roles.`,
    examples: ['kvctl access enable --out root.token', 'kvctl access status'],
    isRemote: true,
    load: () => import('./commands/access.ts'),
  },
  {
    name: 'login',
    summary: 'store a token for the URLs: from standard input, or by a password',
    words: [],
    options: [
      { flags: '--user <name>', description: 'exchange the password of this user for a token' },
      PASSWORD_FILE_OPTION,
      { flags: '--ttl <time>', description: 'with --user: when it ends (default: 12h, max: 30d)' },
      { flags: '--scope <roles>', description: 'with --user: only these roles, comma-separated' },
      {
        flags: '--insecure',
        description: 'with --user: send the password without TLS to another machine',
      },
    ],
    formats: [],
    details: `At a terminal it asks for the token or the password and shows nothing of it; else
both are read from standard input. The token is stored for these URLs alone, in
~/.config/ringkv/tokens.json (mode 0600). logout removes it.`,
    examples: ['kvctl login < root.token', 'kvctl login --user ann --ttl 1h'],
    isRemote: true,
    load: () => import('./commands/login.ts'),
  },
  {
    name: 'logout',
    summary: 'remove the stored token; one of a password is revoked too',
    words: [],
    options: [],
    formats: [],
    details: `A token that login has read is not revoked: a service may use it as well. For that
there is kvctl token revoke.`,
    examples: ['kvctl logout', 'kvctl logout --url kv://127.0.0.1:7400'],
    isRemote: true,
    load: () => import('./commands/logout.ts'),
  },
  {
    name: 'whoami',
    summary: 'show the user, and what it may do',
    words: [],
    options: [],
    formats: ['table', 'json'],
    examples: ['kvctl whoami', 'kvctl whoami -o json'],
    isRemote: true,
    load: () => import('./commands/whoami.ts'),
  },
  {
    name: 'user',
    summary: 'list users, set their roles, passwords and limits, or delete them',
    words: [
      action('list', 'set', 'password', 'limit', 'delete'),
      { form: '[name]', kind: 'command', description: 'name of the user' },
      { form: '[roles...]', kind: 'command', description: 'all of its roles, for set' },
    ],
    options: [
      PASSWORD_FILE_OPTION,
      { flags: '--remove', description: 'password: from now on the user has none' },
      { flags: '--revoke-tokens', description: 'password: end the tokens of earlier logins' },
      { flags: '--requests <count>', description: 'for limit: requests a second, at each node' },
      { flags: '--bytes <size>', description: 'for limit: bytes a second in and out, as 10mb' },
      { flags: '--connections <count>', description: 'for limit: connections to each node' },
      { flags: '--watches <count>', description: 'for limit: open streams at each node' },
      { flags: '--keys <count>', description: 'for limit: keys stored where the user may write' },
      { flags: '--stored-bytes <size>', description: 'for limit: bytes of these keys and values' },
      { flags: '--none', description: 'for limit: no limits any more' },
    ],
    formats: ['table', 'json'],
    details: `password asks twice at a terminal, and shows nothing; else it reads standard input.
The cluster gets a hash (scrypt), not the password.
limit states all limits of a user: one that is not named does not hold any more.
They hold with access control enabled: rates, connections and watches at each node
by itself, --keys and --stored-bytes for all that the cluster stores in the ranges
that the roles of the user may write. Each set, get and page of a scan is a
request; administration is exempt.`,
    examples: [
      'kvctl user list',
      'kvctl user set billing orders',
      'kvctl user password ann',
      'kvctl user limit billing --requests 1000 --bytes 10mb --connections 20 --watches 100',
      'kvctl user limit billing --keys 1000000 --stored-bytes 10gb',
      'kvctl user limit billing --none',
      'kvctl user delete billing',
    ],
    isRemote: true,
    load: () => import('./commands/user.ts'),
  },
  {
    name: 'role',
    summary: 'list roles, set what they grant, or delete them',
    words: [
      action('list', 'set', 'delete'),
      { form: '[name]', kind: 'command', description: 'name of the role' },
      { form: '[grants...]', kind: 'command', description: 'VERBS:PREFIX, or an admin verb' },
    ],
    options: [],
    formats: ['table', 'json'],
    details: `A grant is verbs for keys, a colon, and a prefix, which may be empty: the verbs are
read, write, watch and lock. Verbs without a colon are for the cluster: observe,
nodes, transactions and access. Built in are root, operator, reader and writer.`,
    examples: ['kvctl role set orders read,write:orders/ lock:orders/', 'kvctl role list'],
    isRemote: true,
    load: () => import('./commands/role.ts'),
  },
  {
    name: 'token',
    summary: 'list tokens, create one for a user, or revoke one',
    words: [
      action('list', 'create', 'revoke'),
      { form: '[name]', kind: 'command', description: 'name of the user, or id of the token' },
    ],
    options: [
      OUT_OPTION,
      { flags: '--ttl <time>', description: 'time after which it ends, such as 30d' },
      { flags: '--scope <roles>', description: 'only these roles of the user, comma-separated' },
      { flags: '--note <text>', description: 'what it is for' },
    ],
    formats: ['table', 'json'],
    details: `The token is printed once and stored nowhere: the cluster keeps a digest of it.
revoke waits until every node refuses the token and every shard has adopted that.`,
    examples: [
      'kvctl token create billing --ttl 30d --out billing.token',
      'kvctl token list',
      'kvctl token revoke 1f6a0c55d20b9e37',
    ],
    isRemote: true,
    load: () => import('./commands/token.ts'),
  },
];
