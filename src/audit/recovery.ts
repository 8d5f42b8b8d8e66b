/** What a trail that exists has: where its chain ends, and what a crash has left there. */

import type { AppendFolder } from '../storage/files/append-folder.ts';
import { fileNumber, GENESIS, type Link, plainText, readLine } from './chain.ts';
import { AUDIT_LIMITS } from './limits.ts';
import { type ChainFault, inOrder, plainOf, Verification } from './verification.ts';

/** A file of the trail, as far as the writer has to know it. */
export interface KnownFile {
  readonly name: string;
  readonly number: number;
  /** The number of its first line. */
  readonly first: number;
  bytes: number;
}

export interface RecoveredTrail {
  readonly files: KnownFile[];
  /** The last line. */
  readonly link: Link;
  /** Where the last file ends, without an incomplete line. */
  readonly length: number;
  /** Bytes of incomplete lines. */
  readonly torn: number;
  /** A file was created, and has no line yet. */
  readonly hasStub: boolean;
  /** The chain of the last file does not hold. */
  readonly fault: ChainFault | undefined;
  /** The last line that the trail reports as removed with its file. */
  readonly removedThrough: number;
}

const NEWLINE = 0x0a;

/** Only the last file is verified: `kvctl audit verify` does all of them. */
export async function recoverTrail(folder: AppendFolder): Promise<RecoveredTrail> {
  const names = inOrder(folder.names().filter((name) => fileNumber(name) !== undefined));
  const files: KnownFile[] = [];
  for (const name of names) files.push(await known(folder, name));
  let torn = 0;
  for (let hasStub = false; ; hasStub = true) {
    const last = files.at(-1);
    if (last === undefined) return { files, torn, hasStub, ...NOTHING };
    const bytes = await folder.read(last.name);
    const length = bytes.lastIndexOf(NEWLINE) + 1;
    torn += bytes.length - length;
    last.bytes = length;
    if (length > 0) {
      return { files, length, torn, hasStub, ...judge(last, bytes.subarray(0, length)) };
    }
    files.pop();
  }
}

const NOTHING = { length: 0, link: GENESIS, fault: undefined, removedThrough: 0 };

async function known(folder: AppendFolder, name: string): Promise<KnownFile> {
  const first = firstLineOf(await folder.read(name, AUDIT_LIMITS.lineBytesMax));
  const bytes = await folder.size(name);
  return {
    name,
    number: fileNumber(name) ?? 0,
    first: readLine(first)?.sequence ?? 0,
    bytes,
  };
}

function judge(
  { name }: KnownFile,
  bytes: Uint8Array,
): Pick<RecoveredTrail, 'link' | 'fault' | 'removedThrough'> {
  const first = firstLineOf(bytes);
  const { removedThrough } = plainOf(first);
  const verification = new Verification({ isPart: true });
  verification.add({ name, bytes });
  const { last, head, faults } = verification.end();
  const [fault] = faults;
  const removed = typeof removedThrough === 'number' ? removedThrough : 0;
  return { link: { sequence: last, hash: head }, fault, removedThrough: removed };
}

function firstLineOf(bytes: Uint8Array): string {
  return plainText(bytes.subarray(0, AUDIT_LIMITS.lineBytesMax)).split('\n', 1)[0] ?? '';
}
