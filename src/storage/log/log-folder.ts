/** Classifies the files of a log folder, and checks that they belong together. */

import type { FileEntry, FileFault, FilesReader } from '../files/files.ts';
import { faultText } from '../files/files.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { decodeHardStates, HARD_STATE_FILES, type HardStates } from './hard-state.ts';
import type { LogOwner } from './log.ts';
import {
  decodeIdentity,
  IDENTITY,
  IDENTITY_NEW,
  type Identity,
  ownerCrc,
  START_ANEW,
} from './log-identity.ts';
import { recordBufferOf } from './log-record.ts';
import type { OpenSegment } from './log-replay.ts';
import { decodePreamble, epochOf, PREAMBLE_BYTES, segmentName } from './log-segment.ts';

/** A spare that is being created. */
export const SPARE_NEW = 'spare.new';
/** Space that is released for the state store on a full disk. */
const RESERVE = /^reserve-([0-9a-f]{8})$/;
const SPARE = /^spare-([0-9a-f]{8})$/;
/** The unit of loss of a disk: intact sectors beside an unreadable one are still read. */
const PIECE_BYTES = 512;

export interface Folder {
  readonly identity: Identity | undefined;
  /** By file, in the order of HARD_STATE_FILES. */
  readonly hardStates: readonly (HardStates | undefined)[];
  /** Size by epoch. */
  readonly segments: ReadonlyMap<number, number>;
  readonly spares: readonly FileEntry[];
  readonly reserve: readonly FileEntry[];
  /** A spare whose creation was interrupted. */
  readonly hasHalfSpare: boolean;
}

/** The node does not start; the text says what was found and what to do. */
export interface Refusal {
  readonly type: 'refused';
  readonly text: string;
}

export function refuse(text: string): Refusal {
  return { type: 'refused', text };
}

export function spareName(number: number): string {
  return `spare-${number.toString(16).padStart(8, '0')}`;
}

/** What a file of this name contains is of no use. */
export function isSpareName(name: string): boolean {
  return SPARE.test(name);
}

export function spareNumberOf(name: string): number {
  return Number.parseInt(name.match(SPARE)?.[1] ?? '0', 16);
}

export function reserveName(number: number): string {
  return `reserve-${number.toString(16).padStart(8, '0')}`;
}

/**
 * The files that a start on a full disk may remove, in this order: the reserve, then all spares.
 */
export function dispensable(files: FilesReader): readonly string[] {
  const entries = files.list();
  if (!isList(entries)) return [];
  const names = entries.map(({ name }) => name);
  const reserve = names.filter((name) => RESERVE.test(name));
  return [...reserve, ...names.filter((name) => SPARE.test(name))];
}

export function readFolder(
  files: FilesReader,
  { owner, isNew }: { readonly owner: LogOwner; readonly isNew: boolean },
): Folder | Refusal {
  const entries = files.list();
  if (!isList(entries)) return refuse(faultText(entries));
  const segments = new Map<number, number>();
  const spares: FileEntry[] = [];
  const reserve: FileEntry[] = [];
  const others = new Map<string, number>();
  for (const entry of entries) {
    const epoch = epochOf(entry.name);
    if (epoch !== undefined) segments.set(epoch, entry.size);
    else if (SPARE.test(entry.name)) spares.push(entry);
    else if (RESERVE.test(entry.name)) reserve.push(entry);
    else others.set(entry.name, entry.size);
  }
  const known: readonly string[] = [IDENTITY, IDENTITY_NEW, SPARE_NEW, ...HARD_STATE_FILES];
  const unknown = [...others.keys()].filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    return refuse(`the log folder contains other files: ${unknown.join(', ')}. Move them away`);
  }
  const hardStates = HARD_STATE_FILES.map((name) => {
    const bytes = others.has(name) ? readWhole(files, name, others.get(name) ?? 0) : undefined;
    return bytes === undefined ? undefined : decodeHardStates(bytes);
  });
  const hasHalfSpare = others.has(SPARE_NEW);
  const size = others.get(IDENTITY);
  if (size === undefined) {
    const isEmpty = segments.size === 0 && !HARD_STATE_FILES.some((name) => others.has(name));
    if (!isEmpty) {
      return refuse(`the identity file is missing: restore it, or ${START_ANEW}`);
    }
    if (!isNew) {
      return refuse(
        `the log folder is empty, but this node has run before: restore it, or ${START_ANEW}`,
      );
    }
    return { identity: undefined, hardStates, segments, spares, reserve, hasHalfSpare };
  }
  const bytes = readWhole(files, IDENTITY, size);
  if (bytes === undefined) return refuse('the identity file cannot be read');
  const identity = decodeIdentity(bytes, owner);
  if (typeof identity === 'string') return refuse(identity);
  return { identity, hardStates, segments, spares, reserve, hasHalfSpare };
}

/** A segment that cannot be opened is not taken for a damaged one. */
export function refuseLocked(
  files: FilesReader,
  { segments }: Folder,
  keyring: Keyring | undefined,
): Refusal | undefined {
  for (const epoch of segments.keys()) {
    const name = segmentName(epoch);
    const bytes = files.read({ name, offset: 0, length: PREAMBLE_BYTES });
    const preamble = bytes instanceof Uint8Array ? decodePreamble(bytes) : undefined;
    const key = preamble?.header.life?.key;
    if (key === undefined || keyring?.has(key) === true) continue;
    const what = `${name} is encrypted with data key ${key}`;
    return refuse(
      keyring === undefined
        ? `${what}, and this start has no encryption key: configure the node's encryption key`
        : `${what}, which the file \`keys\` does not have: restore the newest copy of that file`,
    );
  }
  return undefined;
}

function isList(entries: readonly FileEntry[] | FileFault): entries is readonly FileEntry[] {
  return Array.isArray(entries);
}

function readWhole(files: FilesReader, name: string, size: number): Uint8Array | undefined {
  const bytes = files.read({ name, offset: 0, length: size });
  return bytes instanceof Uint8Array ? bytes : undefined;
}

/** Reads a segment up to an offset, at least its header; a text if it cannot be used. */
export function readSegment(
  {
    files,
    folder,
    owner,
  }: { readonly files: FilesReader; readonly folder: Folder; readonly owner: LogOwner },
  epoch: number,
  { through }: { readonly through: number },
): (OpenSegment & { readonly isDamaged: boolean }) | string {
  const name = segmentName(epoch);
  const size = folder.segments.get(epoch);
  if (size === undefined) return `${name} is missing`;
  const bytes = readPieces(files, name, Math.min(size, Math.max(through, PREAMBLE_BYTES)));
  if (!(bytes instanceof Uint8Array)) return faultText(bytes);
  const preamble = decodePreamble(bytes);
  if (preamble === undefined) return `${name} has no readable header`;
  const { header, isDamaged } = preamble;
  if (header.epoch !== epoch) return `${name} has the header of ${segmentName(header.epoch)}`;
  if (header.owner !== ownerCrc(owner)) return `${name} belongs to another node`;
  if (header.size !== size) return `${name} has ${size} bytes and must have ${header.size}`;
  return { header, buffer: recordBufferOf(bytes), isDamaged };
}

/** Unreadable sectors become zeros, which checksums report as damage. */
function readPieces(files: FilesReader, name: string, size: number): Uint8Array | FileFault {
  const whole = files.read({ name, offset: 0, length: size });
  if (whole instanceof Uint8Array || whole.errno !== 'EIO') return whole;
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size; offset += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, size - offset);
    const piece = files.read({ name, offset, length });
    if (piece instanceof Uint8Array) bytes.set(piece, offset);
    else if (piece.errno !== 'EIO') return piece;
  }
  return bytes;
}
