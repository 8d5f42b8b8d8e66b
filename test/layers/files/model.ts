/** A file system as a map from paths to bytes, for comparison: what each call does, or its code. */

import { type FileSystem, FilesError, type FilesErrorCode } from '../../../src/files.ts';

const FOLDER = 'folder';
type Node = typeof FOLDER | Uint8Array;

export type Call =
  | { readonly type: 'write'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly type: 'create'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly type: 'append'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly path: string; readonly size: number }
  | { readonly type: 'mkdir'; readonly path: string; readonly recursive: boolean }
  | { readonly type: 'rm'; readonly path: string; readonly recursive: boolean }
  | { readonly type: 'rename'; readonly path: string; readonly to: string }
  | { readonly type: 'copy'; readonly path: string; readonly to: string };

type Outcome = FilesErrorCode | 'done';

/** What the call does to the file system under test. */
export async function callOf(fs: FileSystem, call: Call): Promise<Outcome> {
  try {
    await run(fs, call);
    return 'done';
  } catch (error) {
    if (error instanceof FilesError) return error.code;
    throw error;
  }
}

function run(fs: FileSystem, call: Call): Promise<void> {
  const { path } = call;
  switch (call.type) {
    case 'write':
      return fs.writeFile(path, call.bytes);
    case 'create':
      return fs.writeFile(path, call.bytes, { exclusive: true });
    case 'append':
      return fs.append(path, call.bytes);
    case 'truncate':
      return fs.truncate(path, call.size);
    case 'mkdir':
      return fs.mkdir(path, { recursive: call.recursive });
    case 'rm':
      return fs.rm(path, { recursive: call.recursive });
    case 'rename':
      return fs.rename(path, call.to);
    case 'copy':
      return fs.copy(path, call.to);
  }
}

export class Model {
  readonly #nodes: Map<string, Node>;

  constructor(nodes: ReadonlyMap<string, Node> = new Map([['', FOLDER]])) {
    this.#nodes = new Map(nodes);
  }

  clone(): Model {
    return new Model(this.#nodes);
  }

  /** As the lines of `dumpOf`. */
  get lines(): string[] {
    return [...this.#nodes]
      .filter(([path]) => path !== '')
      .map(([path, node]) => lineOf(path, node === FOLDER ? undefined : node))
      .sort();
  }

  get paths(): string[] {
    return [...this.#nodes.keys()].filter((path) => path !== '').sort();
  }

  apply(call: Call): Outcome {
    const failure = this.#folderFailure(call.path);
    if (call.type === 'mkdir') return this.#makeFolder(call.path, call.recursive);
    if (failure !== undefined) return failure;
    const node = this.#nodes.get(call.path);
    switch (call.type) {
      case 'write':
      case 'create':
        if (call.type === 'create' && node !== undefined) return 'EEXIST';
        return this.#write(call.path, call.bytes);
      case 'append':
        if (node === FOLDER) return 'EISDIR';
        return this.#write(call.path, Buffer.concat([node ?? new Uint8Array(0), call.bytes]));
      case 'truncate': {
        if (node === undefined) return 'ENOENT';
        if (node === FOLDER) return 'EISDIR';
        const bytes = new Uint8Array(call.size);
        bytes.set(node.subarray(0, call.size));
        return this.#write(call.path, bytes);
      }
      case 'rm':
        if (node === undefined) return 'ENOENT';
        if (node === FOLDER && !call.recursive && this.#isFull(call.path)) return 'ENOTEMPTY';
        for (const path of this.#below(call.path)) this.#nodes.delete(path);
        return 'done';
      case 'rename':
        return this.#rename(call.path, call.to);
      case 'copy': {
        if (node === undefined) return 'ENOENT';
        if (node === FOLDER) return 'EISDIR';
        return this.#folderFailure(call.to) ?? this.#write(call.to, node);
      }
    }
  }

  #write(path: string, bytes: Uint8Array): Outcome {
    if (this.#nodes.get(path) === FOLDER) return 'EISDIR';
    this.#nodes.set(path, bytes);
    return 'done';
  }

  #makeFolder(path: string, recursive: boolean): Outcome {
    if (!recursive) {
      const failure = this.#folderFailure(path);
      if (failure !== undefined) return failure;
      if (this.#nodes.has(path)) return 'EEXIST';
    }
    const names = path.slice(1).split('/');
    const paths = names.map((_, at) => `/${names.slice(0, at + 1).join('/')}`);
    if (paths.some((one) => (this.#nodes.get(one) ?? FOLDER) !== FOLDER)) return 'ENOTDIR';
    for (const one of paths) this.#nodes.set(one, FOLDER);
    return 'done';
  }

  #rename(from: string, to: string): Outcome {
    const failure = this.#folderFailure(to);
    if (failure !== undefined) return failure;
    const [moved, replaced] = [this.#nodes.get(from), this.#nodes.get(to)];
    if (moved === undefined) return 'ENOENT';
    if (from === to) return 'done';
    if (moved === FOLDER && to.startsWith(`${from}/`)) return 'EINVAL';
    if (replaced !== undefined) {
      if (replaced === FOLDER && moved !== FOLDER) return 'EISDIR';
      if (replaced !== FOLDER && moved === FOLDER) return 'ENOTDIR';
      if (replaced === FOLDER && this.#isFull(to)) return 'ENOTEMPTY';
    }
    for (const path of this.#below(from)) {
      const node = this.#nodes.get(path);
      this.#nodes.delete(path);
      if (node !== undefined) this.#nodes.set(`${to}${path.slice(from.length)}`, node);
    }
    return 'done';
  }

  /** Why the folder of a path is none. */
  #folderFailure(path: string): FilesErrorCode | undefined {
    const names = path.slice(1).split('/').slice(0, -1);
    for (let at = 1; at <= names.length; at++) {
      const node = this.#nodes.get(`/${names.slice(0, at).join('/')}`);
      if (node === undefined) return 'ENOENT';
      if (node !== FOLDER) return 'ENOTDIR';
    }
    return undefined;
  }

  #isFull(path: string): boolean {
    return this.#below(path).length > 1;
  }

  #below(path: string): string[] {
    return [...this.#nodes.keys()].filter((one) => one === path || one.startsWith(`${path}/`));
  }
}

/** All that is in the file system under test, a line for each name. */
export async function dumpOf(fs: FileSystem, folder = ''): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name, type } of fs.readdir(folder === '' ? '/' : folder)) {
    const path = `${folder}/${name}`;
    lines.push(lineOf(path, type === 'file' ? await fs.readFile(path) : undefined));
    if (type === 'folder') lines.push(...(await dumpOf(fs, path)));
  }
  return lines.sort();
}

function lineOf(path: string, bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return `${path}/`;
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) % 0xffff_fffb;
  return `${path} ${bytes.length} bytes, sum ${sum}`;
}
