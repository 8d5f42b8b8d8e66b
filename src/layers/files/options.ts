/** What callers of a file system give, checked before anything is sent. */

import { type Client, KvError } from '../../index.ts';
import type { FilesOptions } from './files-api.ts';
import { FILES_LIMITS } from './limits.ts';

export interface FilesTerms {
  readonly system: string;
  readonly chunkBytes: number;
  readonly retain: number;
  readonly writerTtl: number;
}

export function filesTermsOf(kv: Pick<Client, 'space'>, options: FilesOptions): FilesTerms {
  if (typeof kv?.space !== 'function') {
    throw invalid('the first argument of openFiles must be a client, or one of its spaces');
  }
  const known = only(options, ['name', 'chunkBytes', 'retain', 'writerTtl']);
  const limits = FILES_LIMITS;
  const {
    name: system = 'main',
    chunkBytes = limits.chunkBytesDefault,
    retain = limits.retainMillisecondsDefault,
    writerTtl = limits.writerMillisecondsDefault,
  } = known;
  const isName = typeof system === 'string' && /^[^{}]+$/.test(system);
  if (!isName || system.length > limits.systemCharactersMax) {
    const most = limits.systemCharactersMax;
    throw invalid(`name must be a text of 1 to ${most} characters without braces`);
  }
  return {
    system,
    chunkBytes: wholeOf(chunkBytes, 'chunkBytes', limits.chunkBytesMin, limits.chunkBytesMax),
    retain: wholeOf(retain, 'retain', 0, limits.retainMillisecondsMax),
    writerTtl: wholeOf(
      writerTtl,
      'writerTtl',
      limits.writerMillisecondsMin,
      limits.writerMillisecondsMax,
    ),
  };
}

/** A name that is misspelled must not mean the default. */
export function only<T extends object>(options: T, names: readonly (keyof T & string)[]): T {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object');
  const unknown = Object.keys(options).find((name) => !(names as readonly string[]).includes(name));
  if (unknown === undefined) return options;
  throw invalid(`there is no option ${JSON.stringify(unknown)}; known are ${names.join(', ')}`);
}

export function wholeOf(value: number, name: string, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} must be a whole number from ${min} to ${max} (got ${String(value)})`);
}

export function flagOf(value: boolean | undefined, name: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw invalid(`${name} must be true or false (got ${String(value)})`);
}

/** Also those of another realm, as tests in Jest have them. */
export function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

export function invalid(message: string): KvError {
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message });
}
