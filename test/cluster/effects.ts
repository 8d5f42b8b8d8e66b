/** All effects of a process that outlive it: its writes to disk, and the frames that it sends. */

import type {
  FileDone,
  FileEntry,
  FileRange,
  Files,
  FileWrite,
  SpaceDone,
} from '../../src/storage/files/files.ts';
import type { Socket, SocketListener, Sockets } from '../../src/transport/sockets.ts';

interface Watching {
  /** Called before an effect is begun, and before it is reported as done. It may throw. */
  readonly onEffect: () => void;
  /** Runs the work that the process starts by itself, and handles what `onEffect` throws. */
  readonly guard: (run: () => void) => void;
}

/** A folder whose every effect passes a callback before it takes place. */
export class WatchedFiles implements Files {
  readonly #files: Files;
  readonly #onEffect: () => void;

  constructor(files: Files, { onEffect }: Pick<Watching, 'onEffect'>) {
    this.#files = files;
    this.#onEffect = onEffect;
  }

  list(): ReturnType<Files['list']> {
    return this.#files.list();
  }

  read(range: FileRange): ReturnType<Files['read']> {
    return this.#files.read(range);
  }

  write(write: FileWrite, done: FileDone): void {
    this.#onEffect();
    this.#files.write(write, this.#watched(done));
  }

  create(file: FileEntry, done: FileDone): void {
    this.#onEffect();
    this.#files.create(file, this.#watched(done));
  }

  rename(names: Parameters<Files['rename']>[0], done: FileDone): void {
    this.#onEffect();
    this.#files.rename(names, this.#watched(done));
  }

  remove(name: string, done: FileDone): void {
    this.#onEffect();
    this.#files.remove(name, this.#watched(done));
  }

  syncFolder(done: FileDone): void {
    this.#onEffect();
    this.#files.syncFolder(this.#watched(done));
  }

  space(done: SpaceDone): void {
    this.#files.space(done);
  }

  close(): void {
    this.#files.close();
  }

  /** It is on the disk, and the process does not know it. */
  #watched(done: FileDone): FileDone {
    return (fault) => {
      this.#onEffect();
      done(fault);
    };
  }
}

/** Sockets whose every frame passes a callback before it leaves. */
export function watchSockets(sockets: Sockets, { onEffect, guard }: Watching): Sockets {
  const heed = (listener: SocketListener): SocketListener => ({
    onOpen: () => guard(() => listener.onOpen()),
    onFrame: (bytes) => guard(() => listener.onFrame(bytes)),
    onClosed: (closeReason) => guard(() => listener.onClosed(closeReason)),
  });
  return {
    dial: (to, listener) => new WatchedSocket(sockets.dial(to, heed(listener)), onEffect),
    accept: (take) => {
      sockets.accept((socket, door) => heed(take(new WatchedSocket(socket, onEffect), door)));
    },
    refuse: () => sockets.refuse(),
  };
}

class WatchedSocket implements Socket {
  readonly #socket: Socket;
  readonly #onEffect: () => void;

  constructor(socket: Socket, onEffect: () => void) {
    this.#socket = socket;
    this.#onEffect = onEffect;
  }

  get address(): string {
    return this.#socket.address;
  }

  get bytesReceived(): number {
    return this.#socket.bytesReceived;
  }

  get bytesUnfinished(): number {
    return this.#socket.bytesUnfinished;
  }

  get bytesBuffered(): number {
    return this.#socket.bytesBuffered;
  }

  send(bytes: Uint8Array): void {
    this.#onEffect();
    this.#socket.send(bytes);
  }

  flush(): void {
    this.#socket.flush();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  ping(): void {
    this.#socket.ping();
  }

  close(closeReason: Parameters<Socket['close']>[0]): void {
    this.#socket.close(closeReason);
  }
}
