/** One Redis that syncs every write, and a client that pipelines. */

import { createConnection, type Socket } from 'node:net';
import { pause } from '../cluster/three-nodes.ts';
import { endChild, removeFolder, startChild, temporaryFolder } from './children.ts';

const PORT = 23_799;
const READY_MILLISECONDS = 10_000;

export interface RedisServer {
  readonly port: number;
  end(): Promise<void>;
}

/** One process without replicas: Redis has no majority that a write could wait for. */
export async function startRedis(): Promise<RedisServer> {
  const folder = temporaryFolder('redis');
  const words = ['--port', `${PORT}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const child = startChild('redis-server', [...words, ...durable], { stdio: 'ignore' });
  const end = async () => {
    await endChild(child);
    removeFolder(folder);
  };
  const until = performance.now() + READY_MILLISECONDS;
  for (;;) {
    const client = new RedisClient(PORT);
    const isUp = await client.ask('PING').then(
      () => true,
      () => false,
    );
    client.close();
    if (isUp) return { port: PORT, end };
    if (performance.now() > until) {
      await end();
      throw new Error('Redis does not start: apt-get install redis-server');
    }
    await pause(100);
  }
}

type Waiting = { resolve(answer: string | undefined): void; reject(error: Error): void };

/** Answers of one line or one string, which is all that the benchmarks ask for. */
export class RedisClient {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #pending = '';

  constructor(port: number) {
    this.#socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#take(text));
    this.#socket.on('error', (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  ask(...words: readonly string[]): Promise<string | undefined> {
    const body = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
    this.#socket.write(`*${words.length}\r\n${body}`);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#pending += text;
    for (;;) {
      const end = this.#pending.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#pending.slice(1, end);
      const kind = this.#pending[0];
      let next = end + 2;
      let answer: string | undefined = line;
      if (kind === '$' && line === '-1') answer = undefined;
      else if (kind === '$') {
        next = end + 4 + Number(line);
        if (this.#pending.length < next) return;
        answer = this.#pending.slice(end + 2, next - 2);
      }
      this.#pending = this.#pending.slice(next);
      const waiting = this.#waiting.shift();
      if (kind === '-') waiting?.reject(new Error(`Redis says ${line}`));
      else waiting?.resolve(answer);
    }
  }
}
