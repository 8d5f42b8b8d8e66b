/** The audit trail of a node: its options, its place, and the way of the facts into it. */

import { join, resolve } from 'node:path';
import { AUDIT_LIMITS } from '../audit/limits.ts';
import type { AuditPolicy, AuditRule } from '../audit/policy.ts';
import type { AuditProgress, AuditRecord } from '../audit/record.ts';
import { type RecoveredTrail, recoverTrail } from '../audit/recovery.ts';
import { AuditTrail } from '../audit/trail.ts';
import type { ChainFault } from '../audit/verification.ts';
import { isError } from '../base/is-error.ts';
import { type AppendFolder, DiskAppendFolder } from '../storage/files/append-folder.ts';

export interface AuditOptions {
  /** The folder of the trail; `audit` in the data folder by default. */
  readonly folder?: string | undefined;
  /** Of all files: the oldest ones are removed. */
  readonly bytesMax?: number | undefined;
  readonly fileBytesMax?: number | undefined;
  /** A power cut loses the lines of this time; 0 with `isFailClosed` by default. */
  readonly syncMilliseconds?: number | undefined;
  readonly isFailClosed: boolean;
  /** Data requests that are audited. */
  readonly rules: readonly AuditRule[];
}

interface AuditingOptions {
  readonly options: AuditOptions;
  readonly dataFolder: string;
  /** For the logger. */
  readonly warn: (text: string) => void;
  /** The file system; the real one by default. */
  readonly openFolder?: (path: string) => AppendFolder;
}

/** Required: `open` before any record, while the data folder is locked. */
export class Auditing {
  readonly policy: AuditPolicy;
  readonly #options: AuditingOptions;
  #trail: AuditTrail | undefined;
  /** Receives what the trail reports, once there is a node. */
  onProgress: (progress: AuditProgress) => void = () => {};

  constructor(options: AuditingOptions) {
    this.#options = options;
    const { rules, isFailClosed } = options.options;
    this.policy = { rules, isFailClosed };
  }

  /** Throws if the chain is broken and the policy is fail-closed. */
  async open(): Promise<void> {
    const { options, dataFolder, warn, openFolder } = this.#options;
    const { isFailClosed, fileBytesMax, bytesMax } = options;
    const { syncMillisecondsDefault } = AUDIT_LIMITS;
    const path = options.folder ?? join(dataFolder, 'audit');
    const folder = openFolder?.(resolve(path)) ?? new DiskAppendFolder(resolve(path));
    const syncMilliseconds =
      options.syncMilliseconds ?? (isFailClosed ? 0 : syncMillisecondsDefault);
    const found = await foundIn(folder);
    const { fault } = found;
    if (fault !== undefined && isFailClosed) throw new Error(brokenText(folder.path, fault));
    if (fault !== undefined) warn(`${brokenText(folder.path, fault)} It goes on in a new file`);
    this.#trail = new AuditTrail(
      {
        folder,
        ...(fileBytesMax === undefined ? {} : { fileBytesMax }),
        ...(bytesMax === undefined ? {} : { bytesMax }),
        syncMilliseconds,
        onProgress: (progress) => this.onProgress(progress),
        onTrouble: warn,
      },
      found,
    );
  }

  /** The node has its number. */
  begin(node: number): void {
    this.#trail?.begin(node);
  }

  add(record: AuditRecord): void {
    this.#trail?.add(record);
  }

  /** A socket that was refused before its client had said anything that can be trusted. */
  refused({ address, text, count }: RefusedSockets): void {
    const on = count === undefined ? {} : { count };
    const about = { who: 'anonymous', from: address, what: 'connect', on } as const;
    this.add({ kind: 'authentication', ...about, outcome: 'refused', why: text });
  }

  get progress(): AuditProgress | undefined {
    return this.#trail?.progress;
  }

  /** Resolves when the last line is on the disk, or could not be written. Safe to call twice. */
  async close(): Promise<void> {
    await this.#trail?.close();
  }
}

async function foundIn(folder: AppendFolder): Promise<RecoveredTrail> {
  try {
    folder.make();
    return await recoverTrail(folder);
  } catch (cause) {
    const text = isError(cause) ? cause.message : String(cause);
    throw new Error(`the audit trail in ${folder.path} cannot be used: ${text}. ${FIX}`);
  }
}

interface RefusedSockets {
  readonly address: string;
  readonly text: string;
  /** How many since the first one was told; absent for the first one. */
  readonly count?: number | undefined;
}

const FIX =
  'Nothing was started. Make it readable and writable for this user, or name another folder ' +
  '(audit.folder)';

function brokenText(path: string, { file, line, kind, text }: ChainFault): string {
  return (
    `the audit trail in ${path} is broken at ${file}:${line} (${kind}): ${text}. ` +
    'Nothing of it was changed. Keep a copy of the folder for those who look into it ' +
    '(kvctl audit verify), and move it away.'
  );
}
