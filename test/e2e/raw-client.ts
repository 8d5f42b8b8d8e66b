/** A client on a bare WebSocket, which may request more than the library would. */

import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { encodeHello } from '../../src/wire/hello.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses, type Response } from '../../src/wire/response.ts';

const PATIENCE_MILLISECONDS = 60_000;

export class RawClient {
  readonly #web: WebSocket;
  readonly #raw: Socket;
  /** Counts bytes and does not decode them. */
  isCounting = false;
  received = 0;
  answered = 0;
  /** Called with each response. */
  onResponse: ((response: Response) => void) | undefined;
  /** The text with which the node closed it. */
  closeReason: string | undefined;
  #last: readonly Response[] = [];
  #waiting: (() => void)[] = [];

  /** Use `open`. */
  constructor(web: WebSocket, raw: Socket) {
    this.#web = web;
    this.#raw = raw;
    web.on('message', (data) => this.#hear(data as Buffer));
    web.on('close', (_code, text) => {
      this.closeReason = text.toString();
      this.#wake();
    });
    web.on('error', () => {});
  }

  /** Resolves when it has received the node's hello. */
  static async open(port: number): Promise<RawClient> {
    const web = new WebSocket(`ws://127.0.0.1:${port}/client`, 'ringkv.1', {
      perMessageDeflate: false,
      maxPayload: 64 * 1024 * 1024,
    });
    const raw = new Promise<Socket>((resolve) => {
      web.once('upgrade', ({ socket }) => resolve(socket));
    });
    await new Promise((resolve, reject) => {
      web.once('open', resolve);
      web.once('error', reject);
    });
    const greeted = new Promise((resolve) => web.once('message', resolve));
    const about = { versionMin: 1, versionMax: 1, features: [], cluster: '' };
    web.send(encodeHello({ type: 'client', ...about }));
    await greeted;
    return new RawClient(web, await raw);
  }

  get isOpen(): boolean {
    return this.#web.readyState === WebSocket.OPEN;
  }

  send(...requests: readonly Request[]): void {
    this.#web.send(encodeRequests(requests));
  }

  /** The header of a frame and a part of its body. Resolves when that has left. */
  async sendHalf(frameBytes: number, half: Uint8Array): Promise<void> {
    const header = Buffer.alloc(14);
    header[0] = 0x82;
    header[1] = 0xff;
    header.writeUInt32BE(frameBytes, 6);
    this.#raw.write(header);
    await new Promise((resolve) => this.#raw.write(half, resolve));
  }

  /** Its answer, which has to be the next that arrives. */
  async ask(request: Request): Promise<Response> {
    const before = this.answered;
    this.send(request);
    await this.until(() => this.answered > before);
    const answer = this.#last.find(({ id }) => id === request.id);
    if (answer === undefined) throw new Error('another answer came');
    return answer;
  }

  async until(isOver: () => boolean): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, PATIENCE_MILLISECONDS);
    try {
      while (!isOver()) {
        if (!this.isOpen) throw new Error(`it was closed: ${this.closeReason}`);
        if (isLate) throw new Error('nothing comes');
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the socket is read; unread bytes wait in the system, and then with the node. */
  listen(isWanted: boolean): void {
    if (isWanted) this.#raw.resume();
    else this.#raw.pause();
  }

  end(): void {
    this.#web.terminate();
  }

  #hear(data: Buffer): void {
    this.received += data.length;
    if (!this.isCounting) {
      this.#last = decodeResponses(data) ?? [];
      this.answered += this.#last.filter(({ id }) => id > 0).length;
      for (const response of this.#last) this.onResponse?.(response);
    }
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
