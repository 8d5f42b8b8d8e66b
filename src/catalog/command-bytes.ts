/** Commands and replies as bytes, each with one encoding. */

import { unreachable } from '../base/assert.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS, RAFT_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type {
  AimedNode,
  AimedShard,
  CatalogCommand,
  CatalogRefusal,
  CatalogReply,
  PlacedMember,
} from './command.ts';
import {
  AIMED_BASIS_FIELDS,
  MEMBERSHIPS,
  readAimedBasis,
  readDescription,
  readJoinToken,
  readLineage,
  readList,
  readMember,
  readMembership,
  readNode,
  readSettings,
  readText,
  writeAimedBasis,
  writeCounts,
  writeDescription,
  writeJoinToken,
  writeLineage,
  writeSettings,
  writeText,
} from './field-codec.ts';
import { readGoal } from './row.ts';

const KIND = {
  found: 1,
  join: 2,
  announce: 3,
  aim: 4,
  place: 5,
  report: 6,
  lose: 7,
  'set-membership': 8,
} as const;

/** Elements of the array, the kind included. */
const LENGTH = {
  found: 11,
  join: 8,
  announce: 10,
  aim: 4,
  place: 4,
  report: 6,
  lose: 3,
  'set-membership': 5,
} as const;
const LENGTH_MAX = 15;
const PROOF_BYTES = 32;
const NO_PROOF = new Uint8Array();

const REFUSALS: readonly CatalogRefusal[] = [
  'not-founded',
  'already-founded',
  'unknown-node',
  'unknown-shard',
  'wrong-token',
  'older-copy',
  'stale-revision',
  'older-leader',
  'full',
  'unsound',
  'malformed',
  'still-running',
  'replaced',
  'last-node',
  'fewer-replicas',
  'no-majority',
  'too-many-newcomers',
  'wrong-secret',
];

const MEMBERS = { lengthMax: CATALOG_LIMITS.shardsMax + 1, bytesMin: 1 };
const PLACED = { lengthMax: CATALOG_LIMITS.replicasMax, bytesMin: 3 };
const CONFIGURED = { lengthMax: RAFT_LIMITS.membersMax, bytesMin: 1 };
const AIMED_NODES = { lengthMax: CATALOG_LIMITS.nodesMax, bytesMin: 5 };
const AIMED_SHARDS = { lengthMax: CATALOG_LIMITS.shardsMax + 1, bytesMin: 3 };

const writer = new Writer();

export function encodeCommand(command: CatalogCommand): Uint8Array {
  writer.clear();
  writer.array(LENGTH[command.type]);
  writer.count(KIND[command.type]);
  writeCommand(command);
  return writer.take();
}

function writeCommand(command: CatalogCommand): void {
  switch (command.type) {
    case 'found':
      writeText(writer, command.clusterId, CATALOG_LIMITS.clusterIdBytesMax);
      writeSettings(writer, command.settings);
      writeJoinToken(writer, command.joinToken);
      writeDescription(writer, command.description);
      return writeCounts(writer, command.members);
    case 'join':
      writeJoinToken(writer, command.joinToken);
      writeDescription(writer, command.description);
      return writer.bytes(command.proof ?? NO_PROOF);
    case 'announce':
      writer.count(command.node);
      writeJoinToken(writer, command.joinToken);
      writeLineage(writer, command.lineage);
      return writeDescription(writer, command.description);
    case 'aim':
      writer.count(command.aimedAt);
      writer.array(command.nodes.length);
      for (const node of command.nodes) writeAimedNode(node);
      writer.array(command.shards.length);
      for (const shard of command.shards) writeAimedShard(shard);
      return;
    case 'place':
      writer.count(command.shard);
      writer.count(command.revision);
      writer.array(command.members.length);
      for (const member of command.members) writePlacedMember(member);
      return;
    case 'report':
      writer.count(command.shard);
      writer.count(command.revision);
      writer.count(command.term);
      writeCounts(writer, command.voters);
      return writeCounts(writer, command.learners);
    case 'lose':
      writer.count(command.shard);
      return writer.count(command.member);
    case 'set-membership':
      writer.count(command.node);
      writer.count(command.revision);
      writer.count(MEMBERSHIPS.indexOf(command.membership));
      return writer.truth(command.isForced);
    default:
      return unreachable(command);
  }
}

/** `unknown`: possibly a command of a later version; a replica that cannot apply it must stop. */
type DecodedCommand =
  | { readonly type: 'known'; readonly command: CatalogCommand }
  | { readonly type: 'unknown'; readonly kind: number }
  | { readonly type: 'malformed' };

export function decodeCommand(bytes: Uint8Array): DecodedCommand {
  const reader = new Reader(bytes);
  const length = reader.array(LENGTH_MAX, 1);
  const kind = reader.count();
  if (reader.isBroken) return { type: 'malformed' };
  const type = (Object.keys(KIND) as CatalogCommand['type'][]).find((name) => KIND[name] === kind);
  if (type === undefined) return { type: 'unknown', kind };
  const command = readCommand(reader, type);
  const isRead = length === LENGTH[type] && !reader.isBroken && reader.left === 0;
  return isRead ? { type: 'known', command } : { type: 'malformed' };
}

function readCommand(reader: Reader, type: CatalogCommand['type']): CatalogCommand {
  switch (type) {
    case 'found': {
      const clusterId = readText(reader, CATALOG_LIMITS.clusterIdBytesMax);
      const settings = readSettings(reader);
      const joinToken = readJoinToken(reader);
      const description = readDescription(reader);
      const members = readList(reader, MEMBERS, readMember);
      return { type, clusterId, settings, joinToken, description, members };
    }
    case 'join': {
      const joinToken = readJoinToken(reader);
      const description = readDescription(reader);
      const proof = reader.bytes(PROOF_BYTES);
      if (proof.length > 0 && proof.length < PROOF_BYTES) reader.break();
      return { type, joinToken, description, ...(proof.length === 0 ? {} : { proof }) };
    }
    case 'announce': {
      const node = readNode(reader);
      const joinToken = readJoinToken(reader);
      const lineage = readLineage(reader);
      return { type, node, joinToken, lineage, description: readDescription(reader) };
    }
    case 'aim': {
      const aimedAt = reader.count();
      const nodes = readList(reader, AIMED_NODES, readAimedNode);
      return { type, aimedAt, nodes, shards: readList(reader, AIMED_SHARDS, readAimedShard) };
    }
    case 'place': {
      const shard = reader.count() as ShardId;
      const revision = reader.count();
      return { type, shard, revision, members: readList(reader, PLACED, readPlacedMember) };
    }
    case 'report': {
      const shard = reader.count() as ShardId;
      const revision = reader.count();
      const term = reader.count();
      const voters = readList(reader, CONFIGURED, readMember);
      return {
        type,
        shard,
        revision,
        term,
        voters,
        learners: readList(reader, CONFIGURED, readMember),
      };
    }
    case 'lose':
      return { type, shard: reader.count() as ShardId, member: readMember(reader) };
    case 'set-membership': {
      const node = readNode(reader);
      const revision = reader.count();
      const membership = readMembership(reader);
      return { type, node, revision, membership, isForced: reader.truth() };
    }
    default:
      return unreachable(type);
  }
}

export function encodeReply(reply: CatalogReply): Uint8Array {
  writer.clear();
  if (reply.type === 'done') {
    writer.array(3);
    writer.count(0);
    writer.count(reply.version);
    writer.count(reply.node);
  } else {
    writer.array(2);
    writer.count(1);
    writer.count(REFUSALS.indexOf(reply.reason));
  }
  return writer.take();
}

export function decodeReply(bytes: Uint8Array): CatalogReply | undefined {
  const reader = new Reader(bytes);
  const length = reader.array(3, 1);
  const kind = reader.count();
  const reply: CatalogReply | undefined =
    kind === 0 && length === 3
      ? { type: 'done', version: reader.count(), node: reader.count() as NodeId }
      : kind === 1 && length === 2
        ? readRefusal(reader)
        : undefined;
  return reader.isBroken || reader.left > 0 ? undefined : reply;
}

function readRefusal(reader: Reader): CatalogReply | undefined {
  const reason = REFUSALS[reader.count()];
  return reason === undefined ? undefined : { type: 'refused', reason };
}

function writeAimedNode(aimed: AimedNode): void {
  writer.array(1 + AIMED_BASIS_FIELDS);
  writer.count(aimed.node);
  writeAimedBasis(writer, aimed);
}

function readAimedNode(reader: Reader): AimedNode {
  reader.tuple(1 + AIMED_BASIS_FIELDS);
  return { node: readNode(reader), ...readAimedBasis(reader) };
}

function writeAimedShard({ goal, preferredNode }: AimedShard): void {
  writer.array(2);
  writeCounts(writer, goal);
  writer.count(preferredNode);
}

function readAimedShard(reader: Reader): AimedShard {
  reader.tuple(2);
  return { goal: readGoal(reader), preferredNode: reader.count() as NodeId };
}

function writePlacedMember({ node, member }: PlacedMember): void {
  writer.array(2);
  writer.count(node);
  writer.count(member);
}

function readPlacedMember(reader: Reader): PlacedMember {
  reader.tuple(2);
  return { node: readNode(reader), member: readMember(reader) };
}
