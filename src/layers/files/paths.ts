/** Paths: absolute, of names between slashes, checked before anything is read. */

import { FilesError, type FilesErrorCode } from './files-error.ts';
import { FILES_LIMITS } from './limits.ts';

/** A path that a caller gave, and its names. The root has none. */
export interface FilePath {
  readonly text: string;
  readonly names: readonly string[];
  /** For errors: the call that it was given to. */
  readonly call: string;
}

/** Names are compared as they are: no form of Unicode is made of another one. */
export function pathOf(text: string, call: string): FilePath {
  if (typeof text !== 'string') throw refused('EINVAL', 'a path is a text', String(text), call);
  if (!text.startsWith('/')) throw refused('EINVAL', 'a path begins with a slash', text, call);
  const names = text === '/' ? [] : text.slice(1).split('/');
  for (const name of names) checkName(name, text, call);
  if (names.length <= FILES_LIMITS.depthMax) return { text, names, call };
  const what = `the path has ${names.length} names; the limit is ${FILES_LIMITS.depthMax}`;
  throw refused('ENAMETOOLONG', what, text, call);
}

function checkName(name: string, text: string, call: string): void {
  const quoted = JSON.stringify(name);
  if (name === '') throw refused('EINVAL', 'a name in the path is empty', text, call);
  if (name === '.' || name === '..') {
    throw refused('EINVAL', `the name ${quoted} is not allowed`, text, call);
  }
  if (name.includes('\0') || /\p{Surrogate}/u.test(name)) {
    throw refused('EINVAL', `the name ${quoted} has a NUL or a lone surrogate`, text, call);
  }
  const bytes = Buffer.byteLength(name);
  if (bytes <= FILES_LIMITS.nameBytesMax) return;
  const what = `the name ${quoted} is ${bytes} bytes; the limit is ${FILES_LIMITS.nameBytesMax}`;
  throw refused('ENAMETOOLONG', what, text, call);
}

/** The failure of a call because of its path. */
export function failureOf(code: FilesErrorCode, { text, call }: FilePath, what?: string) {
  return new FilesError({ code, path: text, call, ...(what === undefined ? {} : { what }) });
}

function refused(code: FilesErrorCode, what: string, path: string, call: string): FilesError {
  return new FilesError({ code, path, call, what });
}
