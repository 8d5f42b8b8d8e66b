/** Opens a store and reads all of it: the result for each row. */

import { KvError, open } from '../../src/index.ts';

export interface StoreSeen {
  readonly outcome: 'served' | 'refused';
  /** Why it was refused. */
  readonly code: string;
  readonly message: string;
  /** Keys that were answered with another value than the last written one. */
  readonly wrong: readonly string[];
  /** Keys that were not answered. */
  readonly failed: readonly string[];
}

/** The value that the writer left under each key. */
export function expected(at: number): string | undefined {
  if (at % 10 === 7) return undefined;
  return at % 2 === 0 ? `new ${at}` : `old ${at}`;
}

export async function readStore(folder: string, rows: number): Promise<StoreSeen> {
  const wrong: string[] = [];
  const failed: string[] = [];
  try {
    const kv = await open(folder);
    for (let at = 0; at < rows; at++) {
      try {
        const found = await kv.get(['k', at]);
        const value = (found?.value as { readonly text: string } | undefined)?.text;
        if (value !== expected(at)) wrong.push(`${at}: ${value}`);
      } catch (error) {
        failed.push(`${at}: ${error instanceof KvError ? error.code : String(error)}`);
      }
    }
    await kv.close();
    return { outcome: 'served', code: '', message: '', wrong, failed };
  } catch (error) {
    const code = error instanceof KvError ? error.code : 'not a KvError';
    return { outcome: 'refused', code, message: String(error), wrong, failed };
  }
}
