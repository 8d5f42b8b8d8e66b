/** Three etcd nodes as processes, and a client that speaks gRPC to one of them. */

import type { ChildProcess } from 'node:child_process';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { join } from 'node:path';
import { pause } from '../cluster/three-nodes.ts';
import { endChild, removeFolder, startChild, temporaryFolder } from './children.ts';
import { bytesIn, type Decoded, decodeMessage, encodeMessage, integerIn } from './protobuf.ts';

const FIRST_PORT = 23_790;
const HEADER_BYTES = 5;
const READY_MILLISECONDS = 30_000;
const QUOTA_BYTES = `${8 * 1024 ** 3}`;

export interface EtcdNodes {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  end(): Promise<void>;
}

/** As etcd comes: three members, every write synced on a majority. */
export async function startEtcd(): Promise<EtcdNodes> {
  const folder = temporaryFolder('etcd');
  const ports = [0, 1, 2].map((at) => FIRST_PORT + 2 * at);
  const peers = ports.map((port, at) => `n${at}=http://127.0.0.1:${port + 1}`).join(',');
  const children: ChildProcess[] = [];
  for (const [at, port] of ports.entries()) {
    const client = `http://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${port + 1}`;
    const options = {
      ...{ name: `n${at}`, 'data-dir': join(folder, `n${at}`), 'log-level': 'fatal' },
      ...{ 'listen-client-urls': client, 'advertise-client-urls': client },
      ...{ 'listen-peer-urls': peer, 'initial-advertise-peer-urls': peer },
      ...{ 'initial-cluster': peers, 'initial-cluster-state': 'new' },
      // All versions of all keys stay: without this a long run would end in `no space`.
      'quota-backend-bytes': QUOTA_BYTES,
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    children.push(startChild('etcd', words, { stdio: 'ignore' }));
  }
  const end = async () => {
    await Promise.all(children.map(endChild));
    removeFolder(folder);
  };
  const until = performance.now() + READY_MILLISECONDS;
  for (;;) {
    if (await isServing(ports[0] ?? 0)) break;
    if (performance.now() < until) await pause(200);
    else {
      await end();
      throw new Error('etcd does not start: apt-get install etcd-server');
    }
  }
  return { ports, pids: children.map(({ pid }) => pid ?? 0), end };
}

async function isServing(port: number): Promise<boolean> {
  const client = new EtcdClient(port);
  try {
    await client.put('ready', new Uint8Array());
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

export interface EtcdWatch {
  readonly key: string;
  /** Keys from `key` to this one. */
  readonly to?: string;
  readonly onValue: (value: Uint8Array) => void;
}

export class EtcdClient {
  readonly #session: ClientHttp2Session;
  /** Of its one stream of watches. */
  #watches: { send(message: Uint8Array): void } | undefined;
  readonly #created: (() => void)[] = [];
  readonly #watchers = new Map<bigint, EtcdWatch>();
  readonly #asked: EtcdWatch[] = [];

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`);
    this.#session.on('error', () => {});
    this.#session.setMaxListeners(0);
  }

  async put(key: string, value: Uint8Array, lease = 0n): Promise<void> {
    await this.#ask('/etcdserverpb.KV/Put', encodeMessage([1, key], [2, value], [3, lease]));
  }

  /** Its id. */
  async grantLease(seconds: number): Promise<bigint> {
    const message = encodeMessage([1, seconds]);
    return integerIn(await this.#ask('/etcdserverpb.Lease/LeaseGrant', message), 2);
  }

  /** The key that stands for the owner. */
  async lock(name: string, lease: bigint): Promise<Uint8Array> {
    return bytesIn(await this.#ask('/v3lockpb.Lock/Lock', encodeMessage([1, name], [2, lease])), 2);
  }

  async unlock(key: Uint8Array): Promise<void> {
    await this.#ask('/v3lockpb.Lock/Unlock', encodeMessage([1, key]));
  }

  /** Resolves when the node has taken the watch. */
  watch(watch: EtcdWatch): Promise<void> {
    this.#watches ??= this.#stream('/etcdserverpb.Watch/Watch', (fields) => this.#tell(fields));
    const range = watch.to === undefined ? [] : ([[2, watch.to]] as const);
    this.#watches.send(encodeMessage([1, encodeMessage([1, watch.key], ...range)]));
    this.#asked.push(watch);
    return new Promise((resolve) => this.#created.push(resolve));
  }

  close(): void {
    this.#session.destroy();
  }

  #tell(fields: readonly Decoded[]): void {
    const id = integerIn(fields, 2);
    if (integerIn(fields, 3) === 1n) {
      const watch = this.#asked.shift();
      if (watch !== undefined) this.#watchers.set(id, watch);
      this.#created.shift()?.();
    }
    const watch = this.#watchers.get(id);
    for (const [number, event] of fields) {
      if (number !== 11 || !(event instanceof Uint8Array)) continue;
      watch?.onValue(bytesIn(decodeMessage(bytesIn(decodeMessage(event), 2)), 5));
    }
  }

  #ask(path: string, message: Uint8Array): Promise<readonly Decoded[]> {
    return new Promise((resolve, reject) => {
      const stream = this.#stream(path, resolve, reject);
      stream.send(message);
      stream.end();
    });
  }

  #stream(
    path: string,
    onMessage: (fields: readonly Decoded[]) => void,
    onError: (error: Error) => void = () => {},
  ): { send(message: Uint8Array): void; end(): void } {
    const stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    let pending: Buffer = Buffer.alloc(0);
    stream.on('data', (data: Buffer) => {
      pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
      while (pending.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + pending.readUInt32BE(1);
        if (pending.length < end) break;
        onMessage(decodeMessage(pending.subarray(HEADER_BYTES, end)));
        pending = pending.subarray(end);
      }
    });
    const fail = (headers: Readonly<Record<string, unknown>>) => {
      const status = headers['grpc-status'];
      if (status === undefined || status === '0') return;
      onError(new Error(`etcd says ${String(headers['grpc-message'] ?? status)}`));
    };
    stream.on('response', fail);
    stream.on('trailers', fail);
    stream.on('error', onError);
    return {
      send: (message) => {
        const header = Buffer.alloc(HEADER_BYTES);
        header.writeUInt32BE(message.length, 1);
        stream.write(Buffer.concat([header, message]));
      },
      end: () => stream.end(),
    };
  }
}
