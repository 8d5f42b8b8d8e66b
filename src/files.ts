/** `ringkv/files`: a distributed file system. */

export { openFiles } from './layers/files/file-system.ts';
export type {
  CollectOptions,
  FileData,
  FileReadOptions,
  FileStat,
  FileSystem,
  FilesCollected,
  FilesOptions,
  FilesWatchEvent,
  FilesWatchOptions,
  FileWriteOptions,
  FolderEntry,
  MkdirOptions,
  ReaddirOptions,
  RmOptions,
} from './layers/files/files-api.ts';
export {
  FilesError,
  type FilesErrorCode,
  type FilesErrorOptions,
} from './layers/files/files-error.ts';
