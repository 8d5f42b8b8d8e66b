/** The error of a call of a file system, with the codes of `node:fs`. */

const MEANINGS = {
  /**
   * A file or folder of the path does not exist.
   *
   * Effect: none.
   *
   * Do: create it first, or correct the path.
   */
  ENOENT: ['no such file or folder', 'create it first, or correct the path'],
  /**
   * The path exists, and the call must create it.
   *
   * Effect: none.
   *
   * Do: choose another name, or remove it first.
   */
  EEXIST: ['it exists already', 'choose another name, or remove it first'],
  /**
   * A part of the path that must be a folder is a file.
   *
   * Effect: none.
   *
   * Do: correct the path.
   */
  ENOTDIR: ['a part of the path is a file, not a folder', 'correct the path'],
  /**
   * The path is a folder, and the call is for files.
   *
   * Effect: none.
   *
   * Do: name a file.
   */
  EISDIR: ['it is a folder, not a file', 'name a file'],
  /**
   * The folder has entries.
   *
   * Effect: none.
   *
   * Do: remove its entries first, or pass { recursive: true }.
   */
  ENOTEMPTY: ['the folder is not empty', 'remove its entries first, or pass { recursive: true }'],
  /**
   * An argument is not allowed.
   *
   * Effect: none.
   *
   * Do: correct it.
   */
  EINVAL: ['an argument is not allowed', 'correct it'],
  /**
   * A name is too long, or a path too deep.
   *
   * Effect: none.
   *
   * Do: use shorter names, or fewer folders.
   */
  ENAMETOOLONG: ['the path is too long', 'use shorter names, or fewer folders'],
  /**
   * The file is, or would be, larger than the call allows.
   *
   * Effect: none.
   *
   * Do: use a stream, larger chunks or several files.
   */
  EFBIG: ['the file is too large', 'use a stream, larger chunks or several files'],
  /**
   * A chunk of the file is damaged or missing.
   *
   * Effect: none.
   *
   * Do: write the file again, or restore it from a backup.
   */
  EIO: ['a chunk of the file is damaged', 'write the file again, or restore it from a backup'],
  /**
   * The opened version of a file was collected, or the lease of a writer has ended.
   *
   * Effect: none.
   *
   * Do: open the file again.
   */
  ESTALE: ['the opened version is gone', 'open the file again'],
  /**
   * Other clients changed the file at each attempt.
   *
   * Effect: none.
   *
   * Do: try again later.
   */
  EBUSY: ['other clients changed the file at each attempt', 'try again later'],
} as const;

/** The codes of `FilesError`. Programs compare codes, never messages. */
export type FilesErrorCode = keyof typeof MEANINGS;

/** What a `FilesError` is made of. */
export interface FilesErrorOptions {
  /** Which failure it is; `hint` follows from it. */
  readonly code: FilesErrorCode;
  /** The path that failed, as the caller gave it. */
  readonly path: string;
  /** The call that failed. */
  readonly call: string;
  /** What is wrong; by default what the code means. */
  readonly what?: string;
  /** The error behind this one. */
  readonly cause?: unknown;
}

/**
 * The error of a call of a file system that its arguments or the state of the tree forbid. Nothing
 * was changed by the call. What fails in the store is a `KvError`.
 *
 * @example
 * ```ts
 * import { FilesError } from 'ringkv/files';
 * const failure = await fs.stat('/missing').catch((error: unknown) => error);
 * if (failure instanceof FilesError && failure.code === 'ENOENT') console.log(failure.path);
 * ```
 */
export class FilesError extends Error {
  /** Always `FilesError`. */
  override readonly name = 'FilesError';
  /** Which failure it is: compare this, never the message. */
  readonly code: FilesErrorCode;
  /** The path that failed. */
  readonly path: string;
  /** The call that failed, such as `rename`. */
  readonly call: string;
  /** Whether the call took effect: it did not. */
  readonly outcome = 'notApplied';
  /** What to do, in a sentence for people. */
  readonly hint: string;

  /**
   * For tests of programs that handle these errors; the library creates its own.
   *
   * @example
   * ```ts
   * import { FilesError } from 'ringkv/files';
   * const error = new FilesError({ code: 'ENOENT', path: '/a', call: 'stat' });
   * console.log(error.message);
   * ```
   */
  constructor({ code, path, call, what, cause }: FilesErrorOptions) {
    const [meaning, hint] = MEANINGS[code];
    const message = `${code}: ${what ?? meaning}, ${call} '${path}'; nothing was changed; ${hint}`;
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.path = path;
    this.call = call;
    this.hint = hint;
  }
}
