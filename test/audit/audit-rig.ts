/** Trails in memory for tests: their writer, and their verdict. */

import type { AuditProgress, AuditRecord } from '../../src/audit/record.ts';
import { recoverTrail } from '../../src/audit/recovery.ts';
import { AuditTrail } from '../../src/audit/trail.ts';
import { type TrailFile, type TrailVerdict, Verification } from '../../src/audit/verification.ts';
import { MemoryAppendFolder } from '../support/twins/memory-append-folder.ts';

export function recordOf(what: string, more: Partial<AuditRecord> = {}): AuditRecord {
  const about = { kind: 'request', who: 'anonymous', from: '10.0.0.7:5000' } as const;
  return { ...about, what, on: { user: 'ada' }, outcome: 'ok', ...more };
}

export interface TrailOptions {
  readonly fileBytesMax?: number;
  readonly bytesMax?: number;
  readonly syncMilliseconds?: number;
  readonly retryMilliseconds?: number;
}

const PATIENCE_MILLISECONDS = 20_000;

/** The writer of a node, and what it has reported. */
export class TrailRig {
  readonly folder: MemoryAppendFolder;
  readonly trail: AuditTrail;
  readonly troubles: string[] = [];
  readonly reports: AuditProgress[] = [];

  static async open(
    folder = new MemoryAppendFolder(),
    options: TrailOptions = {},
  ): Promise<TrailRig> {
    return new TrailRig(folder, await recoverTrail(folder), options);
  }

  constructor(
    folder: MemoryAppendFolder,
    found: Awaited<ReturnType<typeof recoverTrail>>,
    options: TrailOptions,
  ) {
    this.folder = folder;
    const onTrouble = (text: string) => void this.troubles.push(text);
    const onProgress = (progress: AuditProgress) => void this.reports.push(progress);
    const terms = { folder, syncMilliseconds: 0, retryMilliseconds: 1, onTrouble, onProgress };
    this.trail = new AuditTrail({ ...terms, ...options }, found);
    this.trail.begin(1);
  }

  add(...names: readonly string[]): void {
    for (const name of names) this.trail.add(recordOf(name));
  }

  /** Until the condition holds. */
  async until(isSo: () => boolean): Promise<void> {
    const until = performance.now() + PATIENCE_MILLISECONDS;
    while (!isSo() && performance.now() < until) {
      await new Promise((resume) => setTimeout(resume, 1));
    }
    if (!isSo()) throw new Error('it never became so');
  }

  /** Until nothing more is written. */
  async settled(): Promise<void> {
    let before = -1;
    while (before !== this.trail.progress.lines) {
      before = this.trail.progress.lines;
      // Not a time: the writer may need longer on a busy machine.
      for (let turn = 0; turn < 3; turn++) await new Promise((resume) => setImmediate(resume));
    }
  }
}

/** A trail of one life with these requests. */
export async function trailOf(
  names: readonly string[],
  options: TrailOptions = {},
): Promise<readonly TrailFile[]> {
  const rig = await TrailRig.open(undefined, options);
  for (const name of names) {
    rig.add(name);
    // Each in a write of its own, so that files of the smallest size are many.
    if (options.fileBytesMax !== undefined) await rig.settled();
  }
  await rig.trail.close();
  return rig.folder.all();
}

export function verify(
  files: readonly TrailFile[],
  options: { readonly from?: string; readonly isPart?: boolean } = {},
): TrailVerdict {
  const verification = new Verification(options);
  for (const file of files) verification.add(file);
  return verification.end();
}

export function linesOf(files: readonly TrailFile[]): readonly Readonly<Record<string, unknown>>[] {
  return files.flatMap(({ bytes }) => {
    const lines = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  });
}
