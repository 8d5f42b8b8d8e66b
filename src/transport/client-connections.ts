/** The connections of clients: hello, frames, and a bounded send queue for each. */

import type { TransportLimits } from '../base/transport-limits.ts';
import { isNameOfCluster } from '../certificates/node-name.ts';
import { type CloseFrame, closeReasonOf, closeReasonText } from '../wire/close-reason.ts';
import { encodeHello, VERSION_MAX, VERSION_MIN } from '../wire/hello.ts';
import { FrameDeadline } from './frame-deadline.ts';
import { judgeClient, type PeerIdentity } from './handshake.ts';
import { Keepalive } from './keepalive.ts';
import type { Reception, Socket, SocketListener } from './sockets.ts';
import type { ClientClose, TransportEvent } from './transport.ts';

interface ClientLinksOptions {
  readonly identity: PeerIdentity;
  readonly limits: TransportLimits;
  readonly tell: (event: TransportEvent) => void;
  readonly soon: (run: () => void) => void;
}

interface ClientLink {
  readonly socket: Socket;
  readonly keepalive: Keepalive;
  readonly deadline: FrameDeadline;
  /** The connection is closed; its listener is notified in the next turn. */
  isOver: boolean;
  /** Reading from this client is paused. */
  isPaused: boolean;
}

export class ClientConnections {
  readonly #options: ClientLinksOptions;
  readonly #lines = new Map<number, ClientLink>();
  #connection = 0;
  #now = 0;

  constructor(options: ClientLinksOptions) {
    this.#options = options;
  }

  /**
   * Accepts the first frame of an incoming socket. Undefined: refused, and the socket is closed.
   */
  welcome(socket: Socket, bytes: Uint8Array): Reception | undefined {
    const { identity, limits, tell } = this.#options;
    const judged = judgeClient(bytes, identity);
    if ('refusal' in judged) {
      socket.close(judged.refusal);
      const text = closeReasonText(judged.refusal);
      tell({ type: 'refused', address: socket.address, by: 'us', text });
      return undefined;
    }
    this.#connection += 1;
    const connection = this.#connection;
    const times = {
      pingMilliseconds: limits.clientPingMilliseconds,
      silenceMilliseconds: limits.clientSilenceMilliseconds,
    };
    const keepalive = new Keepalive(socket, times, this.#now);
    const deadline = new FrameDeadline(socket, limits);
    this.#lines.set(connection, { socket, keepalive, deadline, isOver: false, isPaused: false });
    socket.send(this.#hello());
    const nodeName = nodeNameOn(socket, identity);
    const certified = certifiedOn(socket, identity);
    const { address, certificate } = socket;
    const about = { nodeName, certified, address, certificate };
    tell({ type: 'client-up', connection, hello: judged.hello, ...about });
    const listener: SocketListener = {
      onOpen: () => {},
      onFrame: (frame) => tell({ type: 'client-frame', connection, bytes: frame }),
      onClosed: (closeReason) => this.#end(connection, closeReason),
    };
    return { listener };
  }

  send(connection: number, bytes: Uint8Array): boolean {
    const line = this.#lines.get(connection);
    if (line === undefined || line.isOver) return false;
    const { socket } = line;
    const { clientBytesMax } = this.#options.limits;
    const { bytesBuffered } = socket;
    if (bytesBuffered > 0 && bytesBuffered + bytes.length > clientBytesMax) {
      const text = `${bytesBuffered} bytes are unread; the limit is ${clientBytesMax}; read faster`;
      const closeReason = closeReasonOf('slow', text);
      socket.close(closeReason);
      line.isOver = true;
      this.#options.soon(() => this.#end(connection, closeReason));
      return false;
    }
    socket.send(bytes);
    return true;
  }

  buffered(connection: number): number {
    const line = this.#lines.get(connection);
    return line === undefined || line.isOver ? 0 : line.socket.bytesBuffered;
  }

  dismiss(connection: number, reason: string, kind: ClientClose): void {
    this.#lines.get(connection)?.socket.close(closeReasonOf(kind, reason));
    this.#lines.delete(connection);
  }

  listenTo(connection: number, isWanted: boolean): void {
    const line = this.#lines.get(connection);
    if (line === undefined || line.isOver || line.isPaused === !isWanted) return;
    line.isPaused = !isWanted;
    if (isWanted) line.socket.resume();
    else line.socket.pause();
  }

  sweep(now: number): void {
    this.#now = now;
    for (const [connection, line] of this.#lines) {
      const closeReason = line.isOver ? undefined : this.#faultOf(line, now);
      if (closeReason === undefined) continue;
      line.socket.close(closeReason);
      this.#end(connection, closeReason);
    }
  }

  #faultOf(
    { keepalive, deadline, isPaused: isDeaf }: ClientLink,
    now: number,
  ): CloseFrame | undefined {
    if (!keepalive.check(now, { isDeaf })) {
      return closeReasonOf('silent', 'the client sent nothing within the keepalive timeout');
    }
    if (deadline.check(now, { isDeaf })) return undefined;
    const { frameProgressBytes, frameProgressMilliseconds } = this.#options.limits;
    const what = `${frameProgressBytes} bytes in ${frameProgressMilliseconds} ms`;
    return closeReasonOf('slow', `a frame arrives too slowly; the minimum is ${what}`);
  }

  close(closeReason: CloseFrame): void {
    for (const { socket } of this.#lines.values()) socket.close(closeReason);
    this.#lines.clear();
  }

  #end(connection: number, closeReason: CloseFrame): void {
    if (!this.#lines.delete(connection)) return;
    const reason = closeReasonText(closeReason);
    this.#options.tell({ type: 'client-down', connection, reason });
  }

  #hello(): Uint8Array {
    const { cluster, node, lineage, features, limits } = this.#options.identity;
    return encodeHello({
      type: 'node',
      versionMin: VERSION_MIN,
      versionMax: VERSION_MAX,
      features,
      cluster,
      node,
      incarnation: lineage.incarnation,
      limits,
    });
  }
}

/** Undefined without TLS. */
function nodeNameOn({ holder }: Socket, { isCertified, cluster }: PeerIdentity) {
  if (isCertified !== true) return undefined;
  return holder !== undefined && isNameOfCluster(holder.cluster, cluster) ? holder.name : '';
}

/** A user of another cluster is none here, though the authority may be the same. */
function certifiedOn({ user: holder }: Socket, { isCertified, cluster }: PeerIdentity) {
  if (isCertified !== true || holder === undefined) return undefined;
  const { user, expiresAt } = holder;
  return isNameOfCluster(holder.cluster, cluster) ? { user, expiresAt } : undefined;
}
