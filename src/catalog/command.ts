/** The commands of the catalog and its replies, each with one encoding. */

import { CATALOG_LIMITS, RAFT_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader } from '../base/message-pack.ts';
import {
  bytes,
  count,
  decode,
  encode,
  list,
  type Of,
  octets,
  oneOf,
  optional,
  struct,
  truth,
  union,
  variant,
  variantIn,
} from '../base/schema.ts';
import {
  LIMITED_USER,
  LOGIN_ROW,
  NAME,
  PASSWORD_ROW,
  ROLE,
  SALT,
  STORAGE_LIMITS,
  TOKEN_ID,
  TOKEN_ROW,
  USER,
} from './access-codec.ts';
import {
  AIMED_BASIS,
  CLUSTER_ID,
  DESCRIPTION,
  GOAL,
  JOIN_TOKEN,
  LINEAGE,
  MEMBER,
  MEMBERSHIP,
  NODE,
  NODE_OR_NONE,
  SETTINGS,
  SHARD,
} from './field-codec.ts';

const CONFIGURED = list(MEMBER, { max: RAFT_LIMITS.membersMax });
const AIMED_NODE = struct({ node: NODE, ...AIMED_BASIS });
const AIMED_SHARD = struct({ goal: GOAL, preferredNode: NODE_OR_NONE });
const PLACED_MEMBER = struct({ node: NODE, member: MEMBER });

const COMMAND = union({
  /** Founds the cluster. The proposer is its first node, and the founder of every shard. */
  found: variant(1, {
    clusterId: CLUSTER_ID,
    settings: SETTINGS,
    joinToken: JOIN_TOKEN,
    description: DESCRIPTION,
    /** The first member of each shard, drawn at random: the catalog's, then the data shards'. */
    members: list(MEMBER, { max: CATALOG_LIMITS.shardsMax + 1 }),
  }),
  /** A data folder asks for a node number. */
  join: variant(2, {
    joinToken: JOIN_TOKEN,
    description: DESCRIPTION,
    /** Proves that the folder has the cluster secret; for the node that accepts the request. */
    proof: optional(octets(32)),
  }),
  /** A node has started: its new life and those before it, and its addresses. */
  announce: variant(3, {
    node: NODE,
    joinToken: JOIN_TOKEN,
    lineage: LINEAGE,
    description: DESCRIPTION,
  }),
  /** The planner sets the goals of all shards, and names the nodes that they are based on. */
  aim: variant(4, {
    /** `aimedAt` of the map that the planner saw. */
    aimedAt: count(),
    nodes: list(AIMED_NODE, { max: CATALOG_LIMITS.nodesMax }),
    /** One for each row of the map, in that order. */
    shards: list(AIMED_SHARD, { max: CATALOG_LIMITS.shardsMax + 1 }),
  }),
  /** The members that a shard shall have from now on; its leader carries the change out. */
  place: variant(5, {
    shard: SHARD,
    revision: count(),
    members: list(PLACED_MEMBER, { max: CATALOG_LIMITS.replicasMax }),
  }),
  /**
   * A leader reports its shard's configuration. Required: that configuration is the newest in its
   * log, is committed and is not joint, and an entry of the leader's own term is committed.
   */
  report: variant(6, {
    shard: SHARD,
    revision: count(),
    term: count(),
    voters: CONFIGURED,
    learners: CONFIGURED,
  }),
  /** A node reports that its member is unusable: its log or its state is damaged. */
  lose: variant(7, { shard: SHARD, member: MEMBER }),
  /** The operator sets the goal of a node. */
  'set-membership': variant(8, {
    node: NODE,
    /** Of the row that the operator saw, so that a late copy does not undo a later command. */
    revision: count(),
    membership: MEMBERSHIP,
    /** The removal may leave the shards with fewer replicas than configured. */
    isForced: truth,
  }),
  /**
   * From now on only users with a token may do anything. The token is the first one of a user with
   * the role `root`, unless there is one already.
   */
  'enable-access': variant(9, { token: optional(TOKEN_ROW), isForced: truth }),
  /** From now on everyone may do everything. Users, tokens and roles stay. */
  'disable-access': variant(10, {}),
  /** Adds a role, or replaces the one of that name. */
  'put-role': variant(11, { role: ROLE }),
  'delete-role': variant(12, { name: NAME }),
  /** Adds a user, or replaces the roles of the one of that name. */
  'put-user': variant(13, { user: USER }),
  /** With all of its tokens. */
  'delete-user': variant(14, { name: NAME }),
  'put-token': variant(15, { token: TOKEN_ROW }),
  'delete-token': variant(16, { token: TOKEN_ID }),
  /**
   * A client's command that the leader of the catalog permitted by that version of users, tokens
   * and roles. Refused if they have changed since: then it has to be permitted anew.
   */
  permitted: variant(17, { accessVersion: count(), command: bytes(WIRE_LIMITS.payloadBytesMax) }),
  /** Sets the password of a user, or takes it away. */
  'put-password': variant(18, {
    user: NAME,
    /** Undefined: from now on it has none. */
    password: optional(PASSWORD_ROW),
    /** The tokens that the former one was exchanged for end, too. */
    endsLogins: truth,
  }),
  /** A node has exchanged a password for a token. */
  'add-login': variant(19, {
    token: LOGIN_ROW,
    /** Of the password: it may have been changed since. */
    salt: SALT,
    /** The wall clock of that node: what has ended by then is removed. */
    at: count(),
  }),
  /** What the user may use of each node, in place of all its former limits; only zeros: none. */
  'limit-user': variant(20, { limits: LIMITED_USER }),
  /** The same, and how much may be stored where the user may write. */
  'limit-user-storage': variant(21, { limits: LIMITED_USER, storage: STORAGE_LIMITS }),
});

const REFUSAL = oneOf([
  /** No cluster was founded here yet. */
  'not-founded',
  /** Another cluster, or the same one by another node. */
  'already-founded',
  'unknown-node',
  'unknown-shard',
  /** The data folder is not the one that got this number. */
  'wrong-token',
  /** The announced life does not follow the known ones: the folder is a copy of its past. */
  'older-copy',
  /** The row changed since it was read. */
  'stale-revision',
  /** A leader of a later term has reported. */
  'older-leader',
  /** No room for another node, or for another member of the shard. */
  'full',
  /** The command contradicts itself or the map. */
  'unsound',
  /** The bytes are no command. */
  'malformed',
  /** The node that the newcomer would replace is alive. From the catalog's leader. */
  'still-running',
  /** Another node has replaced this one. */
  'replaced',
  /** No other node could take over what this one holds. */
  'last-node',
  /** The shards would have fewer replicas than configured; only a forced removal does that. */
  'fewer-replicas',
  /**
   * The node is silent, and without it a shard has no majority that could copy its data. From the
   * catalog's leader.
   */
  'no-majority',
  /** Too many nodes have joined and never started: some of them may never do. */
  'too-many-newcomers',
  /** One side has a cluster secret that the other has not. From the asked node. */
  'wrong-secret',
  'unknown-user',
  'unknown-role',
  /** A user has the role. */
  'in-use',
  /** No token without an end would be left whose user may do everything. */
  'last-root',
  /** The nodes do not authenticate each other. From the catalog's leader. */
  'no-secret',
  /** With TLS: the certificate names no node, or another one. From the asked node. */
  'wrong-certificate',
  /** The password was changed, or taken away, after it had been checked. */
  'former-password',
]);

const REPLY = union({
  /**
   * In effect, now or since an earlier copy of the command: from `version` of the map on. `node` is
   * the number that founding and joining assign, else `NO_NODE`.
   */
  done: variant(0, { version: count(), node: NODE_OR_NONE }),
  /** Not in effect, and nothing changed. */
  refused: variant(1, { reason: REFUSAL }),
});

export type CatalogCommand = Of<typeof COMMAND>;
export type CatalogReply = Of<typeof REPLY>;
export type CatalogRefusal = Of<typeof REFUSAL>;
export type AimedNode = Of<typeof AIMED_NODE>;
export type AimedShard = Of<typeof AIMED_SHARD>;
export type PlacedMember = Of<typeof PLACED_MEMBER>;
export type CommandOf<Type extends CatalogCommand['type']> = Extract<
  CatalogCommand,
  { readonly type: Type }
>;

export function encodeCommand(command: CatalogCommand): Uint8Array {
  return encode(COMMAND, command);
}

/** `unknown`: possibly a command of a later version; a replica that cannot apply it must stop. */
type DecodedCommand =
  | { readonly type: 'known'; readonly command: CatalogCommand }
  | { readonly type: 'unknown'; readonly kind: number }
  | { readonly type: 'malformed' };

export function decodeCommand(bytes: Uint8Array): DecodedCommand {
  const command = decode(COMMAND, bytes);
  if (command !== undefined) return { type: 'known', command };
  const kind = variantIn(new Reader(bytes));
  if (kind === undefined || COMMAND.knows(kind)) return { type: 'malformed' };
  return { type: 'unknown', kind };
}

export function encodeReply(reply: CatalogReply): Uint8Array {
  return encode(REPLY, reply);
}

/** Undefined for bytes that are no reply. */
export function decodeReply(bytes: Uint8Array): CatalogReply | undefined {
  return decode(REPLY, bytes);
}
