/** Opens a log: inspects the folder, recovers it, begins a new incarnation, and then reports. */

import {
  type FileDone,
  type FileEntry,
  type FileFault,
  type Files,
  type FilesReader,
  faultText,
} from '../files/files.ts';
import { assertLogLimits } from '../limits.ts';
import {
  encodeHardStates,
  HARD_STATE_BYTES,
  HARD_STATE_FILES,
  type HardStates,
} from './hard-state.ts';
import { HardStateWriter } from './hard-state-writer.ts';
import type { Log } from './log.ts';
import {
  type Folder,
  type Refusal,
  readFolder,
  refuse,
  refuseLocked,
  SPARE_NEW,
} from './log-folder.ts';
import {
  encodeIdentity,
  IDENTITY,
  IDENTITY_NEW,
  type Identity,
  wordsWith,
} from './log-identity.ts';
import { type Recovery, recover } from './log-recovery.ts';
import { SegmentLog, type SegmentLogOptions } from './segment-log.ts';
import { SegmentPool } from './segment-pool.ts';

export interface OpenLogOptions extends SegmentLogOptions {
  /** The node has never run: an empty folder is expected. */
  readonly isNew: boolean;
}

export type Opened = { readonly type: 'opened'; readonly log: Log } | Refusal;

/** Where small files are created, and the files that may be removed to make room for them. */
interface Room {
  readonly files: Files;
  readonly spares: FileEntry[];
  readonly reserve: FileEntry[];
}

const DISK_FULL =
  'the disk is full, and a node needs some hundred KiB to start. Nothing was lost. Free some ' +
  'space (a few MiB for a start, some hundred MiB for writes), and start the node again';

function roomIn(files: Files, { spares, reserve }: Folder): Room {
  return { files, spares: [...spares], reserve: [...reserve] };
}

type Step = (done: FileDone) => void;

/** The result of inspecting a log without changing it. */
export interface InspectedLog {
  readonly type: 'inspected';
  readonly folder: Folder;
  /** Undefined for a folder without a log. */
  readonly recovery: Recovery | undefined;
}

/** Calls `done` once, possibly before it returns. A refusal leaves the folder unchanged. */
export function openLog(options: OpenLogOptions, done: (opened: Opened) => void): void {
  const found = inspectLog(options);
  if (found.type === 'inspected') return beginLog(options, found, done);
  options.files.close();
  done(found);
}

/** Inspects without writing, so that the rest of a node opens before an incarnation begins. */
export function inspectLog(
  options: Pick<OpenLogOptions, 'owner' | 'isNew' | 'limits' | 'keyring'> & {
    readonly files: FilesReader;
  },
): InspectedLog | Refusal {
  const { files, owner, isNew, keyring } = options;
  assertLogLimits(options.limits);
  const folder = readFolder(files, { owner, isNew });
  if ('type' in folder) return folder;
  const locked = refuseLocked(files, folder, keyring);
  if (locked !== undefined) return locked;
  const unborn = folder.identity === undefined || folder.identity.incarnation === 0;
  const isBlank = unborn && folder.hardStates.every((copy) => copy === undefined);
  if (isBlank) return { type: 'inspected', folder, recovery: undefined };
  const recovery = recover({ files, owner, folder });
  if (recovery.type === 'refused') return recovery;
  return { type: 'inspected', folder, recovery };
}

/** Begins an incarnation. Calls `done` once; after a refusal the files are closed. */
export function beginLog(
  options: OpenLogOptions,
  { folder, recovery }: InspectedLog,
  done: (opened: Opened) => void,
): void {
  const end = (opened: Opened) => {
    if (opened.type === 'refused') options.files.close();
    done(opened);
  };
  if (recovery === undefined) found(options, folder, end);
  else begin(options, { folder, recovery }, end);
}

/** A new node writes its identity first, so that a partially created folder is recognized. */
function found(options: OpenLogOptions, folder: Folder, end: (opened: Opened) => void): void {
  const { files, owner } = options;
  const hardStates: HardStates = {
    sequence: 1,
    incarnation: 0,
    oldest: 0,
    confirmed: { epoch: 0, batch: 0 },
    confirmedEnd: 0,
    votes: [],
  };
  const identity = { ...owner, incarnation: 0, boots: [] };
  const room = roomIn(files, folder);
  const steps = [
    // An identity file that a killed process left may be in the page cache only.
    ...(folder.identity === undefined ? identitySteps(room, identity) : [folderSync(files)]),
    ...HARD_STATE_FILES.map((name) => creation(room, name)),
    writing(files, HARD_STATE_FILES[0], encodeHardStates(hardStates)),
    folderSync(files),
  ];
  inOrder(steps, end, () => {
    const { spares, reserve } = room;
    const begun = { ...folder, spares, reserve, identity, hardStates: [hardStates, undefined] };
    const recovery = recover({ files, owner, folder: begun });
    if (recovery.type === 'refused') return end(recovery);
    begin(options, { folder: begun, recovery }, end);
  });
}

function begin(
  options: OpenLogOptions,
  { folder, recovery }: { readonly folder: Folder; readonly recovery: Recovery },
  end: (opened: Opened) => void,
): void {
  const { files, owner, limits, random } = options;
  const incarnation = recovery.incarnation + 1;
  const announced = recovery.replay.lives.get(owner.node);
  const former = bootsHeardOf(folder, recovery);
  const boots = wordsWith({ former, word: random.word() }, announced);
  let log: SegmentLog | undefined;
  let isOpen = false;
  const fail = (fault: FileFault) => log?.fail(fault);
  const onFault = (line: string) => {
    if (isOpen) options.onFault(line);
    else end(refuse(line));
  };
  const lost = HARD_STATE_FILES.filter((_, at) => folder.hardStates[at] === undefined);
  const room = roomIn(files, folder);
  const steps = [
    ...settling(files, folder),
    ...(folder.hasHalfSpare ? [(done: FileDone) => files.remove(SPARE_NEW, done)] : []),
    ...lost.map((name) => creation(room, name)),
    // The incarnation is durable in the identity file before any record of it is written.
    ...identitySteps(room, { ...owner, incarnation, boots }),
  ];
  inOrder(steps, end, () => {
    const hardStateWriter = new HardStateWriter({
      files,
      copies: folder.hardStates,
      onFault: fail,
    });
    const pool = new SegmentPool({
      files,
      limits,
      now: options.now,
      found: room.spares,
      reserve: room.reserve,
      onFault: fail,
      onSpare: () => log?.retry(),
      onShort: () => {
        end(refuse(DISK_FULL));
      },
    });
    const lastEpoch = Math.max(recovery.hardStates.confirmed.epoch, ...folder.segments.keys(), 0);
    const found = { lineage: { incarnation, words: boots }, recovery, lastEpoch };
    const parts = { ...options, ...found, onFault, pool, hardStateWriter };
    log = new SegmentLog(parts);
    const started = log;
    started.start(() => {
      isOpen = true;
      for (const leftover of recovery.leftovers) pool.release(leftover);
      end({ type: 'opened', log: started });
    });
  });
}

/** No other node can know the word of a boot that did not complete its first batch. */
function bootsHeardOf({ identity }: Folder, recovery: Recovery): readonly number[] {
  const begun = recovery.chain.map(({ incarnation }) => incarnation);
  const opened = Math.max(recovery.hardStates.incarnation, ...begun);
  const boots = identity?.boots ?? [];
  return opened >= recovery.incarnation ? boots : boots.slice(0, -1);
}

/**
 * A killed process may have left names and one hard-state copy in the page cache only. They are
 * made durable before this incarnation builds on them: while the other copy is written it is the
 * only one.
 */
function settling(files: Files, { hardStates }: Folder): Step[] {
  const [one, other] = hardStates;
  const isOther = (other?.sequence ?? -1) > (one?.sequence ?? -1);
  const [name, newest] = isOther ? [HARD_STATE_FILES[1], other] : [HARD_STATE_FILES[0], one];
  const steps = [folderSync(files)];
  if (newest !== undefined) steps.push(writing(files, name, encodeHardStates(newest)));
  return steps;
}

function inOrder(steps: readonly Step[], end: (opened: Opened) => void, then: () => void): void {
  const [first, ...others] = steps;
  if (first === undefined) return then();
  first((fault) => {
    if (fault === undefined) inOrder(others, end, then);
    else end(refuse(`the log cannot be opened: ${faultText(fault)}`));
  });
}

function identitySteps(room: Room, identity: Identity): Step[] {
  const { files } = room;
  const bytes = encodeIdentity(identity);
  return [
    creation(room, IDENTITY_NEW, bytes.length),
    writing(files, IDENTITY_NEW, bytes),
    (done) => files.rename({ from: IDENTITY_NEW, to: IDENTITY }, done),
    folderSync(files),
  ];
}

/** On a full disk a reserve file makes room for a small file, or a spare unless it is the last. */
function creation(room: Room, name: string, size = HARD_STATE_BYTES): Step {
  const { files } = room;
  const create: Step = (done) => {
    files.create({ name, size }, (fault) => {
      const name = fault?.errno === 'ENOSPC' ? popDisposable(room) : undefined;
      if (name === undefined) return done(fault);
      files.remove(name, (failure) => (failure ? done(failure) : create(done)));
    });
  };
  return create;
}

/** The name of a file that may be removed. */
function popDisposable(room: Room): string | undefined {
  const piece = room.reserve.pop();
  if (piece !== undefined) return piece.name;
  return room.spares.length > 1 ? room.spares.pop()?.name : undefined;
}

function writing(files: Files, name: string, bytes: Uint8Array): Step {
  return (done) => files.write({ name, offset: 0, bytes }, done);
}

function folderSync(files: Files): Step {
  return (done) => files.syncFolder(done);
}
