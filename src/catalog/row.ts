/** The rows of nodes and shards as bytes: the same in the state store and in a map. */

import type { NodeId, ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import { RING_SPAN } from '../ring/arc.ts';
import { type Member, NO_NODE, type NodeRow, type ShardRow } from './cluster-map.ts';
import {
  AIMED_BASIS_FIELDS,
  MEMBERSHIPS,
  readAimedBasis,
  readDescription,
  readList,
  readMember,
  readMembership,
  readNode,
  readTokenDigest,
  writeAimedBasis,
  writeCounts,
  writeDescription,
  writeTokenDigest,
} from './field-codec.ts';

/** No row is shorter. */
export const ROW_BYTES_MIN = 12;

const NODE_FIELDS = 13;
const SHARD_FIELDS = 11;
const MEMBER_FIELDS = 3;
const MEMBER_BYTES_MIN = 4;

const WANTED = 1;
const VOTER = 2;

export function writeNodeRow(writer: Writer, row: NodeRow): void {
  writer.array(NODE_FIELDS);
  writer.count(row.node);
  writer.count(row.revision);
  writeTokenDigest(writer, row.tokenDigest);
  writer.count(row.incarnation);
  writer.count(row.life);
  writeDescription(writer, row);
  writer.array(row.basis === undefined ? 0 : AIMED_BASIS_FIELDS);
  if (row.basis !== undefined) writeAimedBasis(writer, row.basis);
  writer.count(MEMBERSHIPS.indexOf(row.membership));
  writer.count(row.replaces);
}

export function readNodeRow(reader: Reader): NodeRow {
  reader.tuple(NODE_FIELDS);
  const node = readNode(reader);
  const revision = reader.count();
  const tokenDigest = readTokenDigest(reader);
  const incarnation = reader.count();
  const life = reader.count();
  const description = readDescription(reader);
  const length = reader.array(AIMED_BASIS_FIELDS, 1);
  if (length > 0 && length < AIMED_BASIS_FIELDS) reader.break();
  const basis = length === 0 ? undefined : readAimedBasis(reader);
  const membership = readMembership(reader);
  const replaces = reader.count() as NodeId;
  const about = { ...description, basis, membership, replaces };
  return { node, revision, tokenDigest, incarnation, life, ...about };
}

export function writeShardRow(writer: Writer, row: ShardRow): void {
  writer.array(SHARD_FIELDS);
  writer.count(row.shard);
  writer.count(row.revision);
  writer.count(row.epoch);
  writer.count(row.from);
  writer.count(row.to);
  writer.count(row.founder);
  writer.truth(row.isFounded);
  writer.count(row.term);
  writeCounts(writer, row.goal);
  writer.count(row.preferredNode);
  writer.array(row.members.length);
  for (const member of row.members) writeMember(writer, member);
}

/** Breaks the reader on a row that contradicts itself. */
export function readShardRow(reader: Reader): ShardRow {
  reader.tuple(SHARD_FIELDS);
  const row: ShardRow = {
    shard: reader.count() as ShardId,
    revision: reader.count(),
    epoch: reader.count(),
    from: reader.count(),
    to: reader.count(),
    founder: readMember(reader),
    isFounded: reader.truth(),
    term: reader.count(),
    goal: readGoal(reader),
    preferredNode: reader.count() as NodeId,
    members: readList(
      reader,
      { lengthMax: CATALOG_LIMITS.membersMax, bytesMin: MEMBER_BYTES_MIN },
      readRowMember,
    ),
  };
  if (!isSoundRow(row)) reader.break();
  return row;
}

export function readGoal(reader: Reader): NodeId[] {
  const limits = { lengthMax: CATALOG_LIMITS.replicasMax, bytesMin: 1 };
  return readList(reader, limits, readNode);
}

/** A goal is a rising list of nodes, and the preferred one is among them. */
export function isSoundGoal(goal: readonly NodeId[], preferredNode: NodeId): boolean {
  if (goal.length === 0 || !isRising(goal)) return false;
  return preferredNode === NO_NODE || goal.includes(preferredNode);
}

function isSoundRow({ from, to, goal, preferredNode, members }: ShardRow): boolean {
  const nodes = members.map(({ node }) => node);
  return (
    from <= to &&
    to <= RING_SPAN &&
    isSoundGoal(goal, preferredNode) &&
    isRising(nodes) &&
    new Set(members.map(({ member }) => member)).size === members.length &&
    members.some(({ isWanted }) => isWanted)
  );
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || (numbers[at - 1] as number) < number);
}

function writeMember(writer: Writer, { node, member, isWanted, isVoter }: Member): void {
  writer.array(MEMBER_FIELDS);
  writer.count(node);
  writer.count(member);
  writer.count((isWanted ? WANTED : 0) + (isVoter ? VOTER : 0));
}

function readRowMember(reader: Reader): Member {
  reader.tuple(MEMBER_FIELDS);
  const node = readNode(reader);
  const member = readMember(reader);
  const marks = reader.count();
  if (marks > WANTED + VOTER) reader.break();
  return { node, member, isWanted: (marks & WANTED) !== 0, isVoter: (marks & VOTER) !== 0 };
}
