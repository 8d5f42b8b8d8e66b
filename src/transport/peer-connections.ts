/** The two lanes to each peer: which side dials, which socket is used, and when to retry. */

import type { NodeId } from '../base/ids.ts';
import { wordOf } from '../base/life.ts';
import type { Random } from '../base/random.ts';
import type { TransportLimits } from '../base/transport-limits.ts';
import {
  type CloseFrame,
  closeReasonOf,
  closeReasonText,
  isCloseCode,
  saysRemoved,
} from '../wire/close-reason.ts';
import type { Lane, PeerHello } from '../wire/hello.ts';
import { encodeAdmission, isAdmission } from '../wire/proof.ts';
import { judgePeer, olderCopy, type PeerIdentity, wrongSecret } from './handshake.ts';
import { Keepalive } from './keepalive.ts';
import { LANE_DOWN, PacedLane } from './paced-lane.ts';
import type { DialAttempt, Known, LaneAddress, LaneState, OpenLane } from './peer-lane.ts';
import { PeerProof } from './peer-proof.ts';
import type { Reception, Socket, SocketListener, Sockets } from './sockets.ts';
import type { LaneRoom, Peer, TransportEvent } from './transport.ts';

const LANES = ['main', 'bulk'] as const;

interface PeerLinksOptions {
  readonly identity: PeerIdentity;
  readonly sockets: Sockets;
  readonly random: Random;
  readonly secureBytes: (length: number) => Uint8Array;
  readonly limits: TransportLimits;
  /** The clock of `Schedule`. */
  readonly clock: () => number;
  readonly soon: (run: () => void) => void;
  readonly tell: (event: TransportEvent) => void;
}

/**
 * Either side dials; the smaller node id decides. The dialler sends its hello; the listener answers
 * and proves that it has the cluster secret; the dialler proves the same and is admitted, and the
 * socket becomes the lane. Before its proof a socket changes no state: its frames and its close
 * reason are only logged. If both sides dial at once, the smaller id refuses the incoming socket
 * once its own hello is sent, and the larger id drops its own attempt. The larger id waits a moment
 * before it dials (`courtesyMilliseconds`), so this is rare; it dials at all so that a node that
 * has moved or has just joined is reached.
 *
 * A new hello from the peer replaces the present connection: the peer would not have dialled if it
 * still had one. Its generation proves that it is new. A hello that was overtaken by a later one,
 * or by the answer on another socket, has a lower generation and is refused.
 *
 * A hello is accepted only from an incarnation that follows all known incarnations of the peer.
 * While a connection to one incarnation is up, another one is refused (`still-running`), because
 * one of the two is a copy; only the last of `Peer.lives` takes over the connection of another.
 */
export class PeerConnections {
  readonly #options: PeerLinksOptions;
  readonly #known = new Map<NodeId, Known>();
  readonly #handshake: PeerProof;
  /** All numbers below it were assigned; an assigned number that is not listed was removed. */
  #nextNode = 0;
  #now = 0;

  constructor(options: PeerLinksOptions) {
    this.#options = options;
    this.#handshake = new PeerProof(options);
  }

  setPeers(peers: readonly Peer[], nextNode = 0): void {
    this.#nextNode = nextNode;
    const listed = new Map(peers.map((peer) => [peer.node, peer]));
    for (const [node, known] of this.#known) {
      if (listed.has(node)) continue;
      this.#known.delete(node);
      const closeReason = this.#strangeness(node, `node ${node} is no longer in the map`);
      for (const lane of LANES) this.#cut(known.lanes[lane], closeReason);
    }
    for (const peer of peers) this.#setPeer(peer);
    this.#dialDue();
  }

  send(to: LaneAddress & { readonly stream?: number }, bytes: Uint8Array): boolean {
    return this.#lineTo(to)?.paced.send(bytes, to.stream) ?? false;
  }

  /** Frames of the main lanes only: no request waits for a snapshot. */
  flush(): void {
    for (const { lanes } of this.#known.values()) lanes.main.open?.socket.flush();
  }

  buffered(to: LaneAddress): number {
    return this.#lineTo(to)?.paced.buffered ?? 0;
  }

  roomTo(to: LaneAddress): LaneRoom {
    return this.#lineTo(to)?.paced.room ?? LANE_DOWN;
  }

  #lineTo({ node, lane }: LaneAddress): OpenLane | undefined {
    return this.#known.get(node)?.lanes[lane].open;
  }

  /** Checks all deadlines. `now` counts only time in which this process was running. */
  sweep(now: number): void {
    this.#now = now;
    for (const { peer, lanes } of [...this.#known.values()]) {
      for (const lane of LANES) this.#sweepLink(lanes[lane], peer);
    }
    this.#dialDue();
  }

  /**
   * Accepts the first frame of an incoming socket. Undefined: refused, and the socket is closed.
   */
  welcome(socket: Socket, bytes: Uint8Array): Reception | undefined {
    const judged = this.#judge(socket, bytes);
    if ('refusal' in judged) return this.#refuse(socket, judged.refusal);
    const { hello } = judged;
    const { from, lane } = hello;
    const known = this.#known.get(from);
    // A removed node gets the reason `removed`, and believes it only from an authenticated peer.
    if (known === undefined && from >= this.#nextNode) {
      return this.#refuse(socket, this.#strangeness(hello.from, strangerText(hello)));
    }
    const early = known && this.#collisionOf(known, hello);
    if (early !== undefined) return this.#refuse(socket, early);
    const hellos = { dialler: bytes, listener: this.#greet(socket, { node: from, lane }) };
    socket.send(this.#handshake.proofBy('listener', hellos));
    const isProof = (frame: Uint8Array) => this.#handshake.isProofBy('dialler', hellos, frame);
    return { next: (frame) => this.#admit(socket, hello, isProof(frame)) };
  }

  /** The second frame of a dialler is its proof. */
  #admit(socket: Socket, hello: PeerHello, isProven: boolean): Reception | undefined {
    if (!isProven) return this.#refuse(socket, wrongSecret(hello.to));
    const known = this.#known.get(hello.from);
    if (known === undefined)
      return this.#refuse(socket, this.#strangeness(hello.from, strangerText(hello)));
    const link = known.lanes[hello.lane];
    const refusal = this.#collisionOf(known, hello) ?? this.#faultOf(known, hello);
    if (refusal !== undefined) return this.#refuse(socket, refusal);
    this.#drop(link, closeReasonOf('superseded', 'the other side dialled this node'));
    socket.send(encodeAdmission());
    const listener = this.#connect(link, socket, hello);
    return listener && { listener };
  }

  /** Both sides have dialled: the smaller id keeps its own attempt. */
  #collisionOf({ lanes }: Known, { from, to, lane }: PeerHello): CloseFrame | undefined {
    const isOurTurn = lanes[lane].attempt?.said !== undefined && to < from;
    return isOurTurn ? closeReasonOf('superseded', `node ${to} has already dialled`) : undefined;
  }

  /** Closes the socket of a peer that violated the protocol. */
  dismiss({ node, lane }: LaneAddress, reason: string): void {
    const link = this.#known.get(node)?.lanes[lane];
    const line = link?.open;
    if (link === undefined || line === undefined) return;
    const closeReason = closeReasonOf('malformed', reason);
    line.socket.close(closeReason);
    this.#options.soon(() => {
      if (link.open !== line) return;
      this.#endLine(link, closeReason);
      // The next frames may be invalid too.
      link.dialAt = this.#now + this.#options.limits.redialMillisecondsMax;
    });
  }

  #strangeness(node: NodeId, text: string): CloseFrame {
    if (node >= this.#nextNode) return closeReasonOf('stranger', text);
    return closeReasonOf('removed', `node ${node} was removed from the cluster`);
  }

  close(closeReason: CloseFrame): void {
    for (const { lanes } of this.#known.values()) {
      for (const lane of LANES) this.#cut(lanes[lane], closeReason);
    }
    this.#known.clear();
  }

  #setPeer(peer: Peer): void {
    const known = this.#known.get(peer.node);
    if (known === undefined) {
      const lanes = { main: this.#linkTo(peer, 'main'), bulk: this.#linkTo(peer, 'bulk') };
      this.#known.set(peer.node, { peer, lanes });
      return;
    }
    const hasMoved = known.peer.url !== peer.url;
    known.peer = peer;
    for (const lane of LANES) if (hasMoved) this.#hurry(known.lanes[lane]);
  }

  #linkTo({ node }: Peer, lane: Lane): LaneState {
    const backoff = this.#options.limits.redialMillisecondsMin;
    const dialAt = this.#now + this.#courtesyTo(node);
    return {
      lane,
      node,
      open: undefined,
      attempt: undefined,
      dialAt,
      backoff,
      generationSeen: 0,
      wordSeen: 0,
    };
  }

  /** No courtesy after a start: the peers may have a long backoff. */
  #courtesyTo(node: NodeId): number {
    const { identity, limits } = this.#options;
    const isFirst = identity.node < node || this.#now < limits.courtesyMilliseconds;
    return isFirst ? 0 : limits.courtesyMilliseconds;
  }

  /** The peer's address has changed: the present attempt is dropped, and the next one is soon. */
  #hurry(link: LaneState): void {
    this.#drop(link, closeReasonOf('superseded', 'the address has changed'));
    link.backoff = this.#options.limits.redialMillisecondsMin;
    link.dialAt = Math.min(link.dialAt, this.#now + this.#courtesyTo(link.node));
  }

  #dialDue(): void {
    for (const { peer, lanes } of this.#known.values()) {
      for (const lane of LANES) {
        const link = lanes[lane];
        const isIdle = link.open === undefined && link.attempt === undefined;
        if (isIdle && this.#now >= link.dialAt) this.#dial(link, peer.url);
      }
    }
  }

  #dial(link: LaneState, url: string): void {
    const socket: Socket = this.#options.sockets.dial(
      { url, door: '/peer' },
      {
        onOpen: () => {
          attempt.said = this.#greet(socket, link);
        },
        onFrame: (bytes) => this.#hear(link, attempt, bytes),
        onClosed: (closeReason) => this.#lose(link, socket, closeReason),
      },
    );
    const attempt: DialAttempt = { socket, since: this.#now, ...SILENT };
    link.attempt = attempt;
  }

  /** The bytes of this node's hello, which the proofs cover. */
  #greet(socket: Socket, to: LaneAddress): Uint8Array {
    const bytes = this.#handshake.helloTo(to);
    socket.send(bytes.slice());
    return bytes;
  }

  /** A frame on a dialled socket: the answer to the hello, the proof, or a later frame. */
  #hear(link: LaneState, attempt: DialAttempt, bytes: Uint8Array): void {
    if (link.open?.socket === attempt.socket) return this.#take(link, link.open, bytes);
    if (link.attempt !== attempt) return;
    const { heard, isProven } = attempt;
    const refusal =
      heard === undefined
        ? this.#hearHello(link, attempt, bytes)
        : isProven
          ? this.#hearAdmission(link, attempt, bytes)
          : this.#hearProof(link, attempt, bytes);
    if (refusal === undefined) return;
    this.#refuse(attempt.socket, refusal);
    this.#fail(link);
  }

  #judge({ holder }: Socket, bytes: Uint8Array, link?: LaneState) {
    const nameOf = (node: NodeId) => {
      const known = this.#known.get(node);
      return known && (known.peer.name ?? '');
    };
    const dialled = link === undefined ? {} : { dialled: link };
    return judgePeer(bytes, { identity: this.#options.identity, holder, nameOf, ...dialled });
  }

  #hearHello(link: LaneState, attempt: DialAttempt, bytes: Uint8Array): CloseFrame | undefined {
    const judged = this.#judge(attempt.socket, bytes, link);
    if ('hello' in judged) attempt.heard = { hello: judged.hello, bytes };
    return 'refusal' in judged ? judged.refusal : undefined;
  }

  /** The other side is authenticated; it also gets this node's proof, even if it is refused. */
  #hearProof(link: LaneState, attempt: DialAttempt, bytes: Uint8Array): CloseFrame | undefined {
    const { socket, said, heard } = attempt;
    const known = this.#known.get(link.node);
    if (known === undefined || said === undefined || heard === undefined) return undefined;
    const hellos = { dialler: said, listener: heard.bytes };
    if (!this.#handshake.isProofBy('listener', hellos, bytes)) return wrongSecret(heard.hello.to);
    socket.send(this.#handshake.proofBy('dialler', hellos));
    attempt.isProven = true;
    return this.#faultOf(known, heard.hello);
  }

  /** The other side has accepted this node's hello. */
  #hearAdmission(link: LaneState, attempt: DialAttempt, bytes: Uint8Array): CloseFrame | undefined {
    const { socket, heard } = attempt;
    const known = this.#known.get(link.node);
    if (known === undefined || heard === undefined) return undefined;
    if (!isAdmission(bytes))
      return closeReasonOf('malformed', 'expected an admission or a close reason');
    const refusal = this.#faultOf(known, heard.hello);
    if (refusal !== undefined) return refusal;
    link.attempt = undefined;
    this.#connect(link, socket, heard.hello);
    return undefined;
  }

  #faultOf({ peer, lanes }: Known, hello: PeerHello): CloseFrame | undefined {
    const { from, to, lineage, generation } = hello;
    const older = olderCopy(peer, lineage);
    if (older !== undefined) return older;
    const word = wordOf(lineage);
    const running = LANES.map((lane) => lanes[lane].open?.lineage).find(
      (line) => line !== undefined && wordOf(line) !== word,
    );
    if (running !== undefined && peer.lives.at(-1)?.word !== word) {
      const text = `node ${to} hears node ${from} elsewhere, in its start ${running.incarnation}`;
      return closeReasonOf('still-running', text);
    }
    const { wordSeen, generationSeen } = lanes[hello.lane];
    if (word !== wordSeen || generation > generationSeen) return undefined;
    return closeReasonOf('superseded', 'a later hello has come');
  }

  /** The socket becomes the lane; the previous socket is closed. */
  #connect(link: LaneState, socket: Socket, hello: PeerHello): SocketListener | undefined {
    const known = this.#known.get(link.node);
    if (known === undefined) return undefined;
    link.generationSeen = hello.generation;
    link.wordSeen = wordOf(hello.lineage);
    link.backoff = this.#options.limits.redialMillisecondsMin;
    for (const lane of LANES) {
      if (lane === link.lane) continue;
      this.#endOther(known.lanes[lane], hello);
      this.#encourage(known.lanes[lane]);
    }
    const former = link.open;
    const { peerPingMilliseconds, peerSilenceMilliseconds } = this.#options.limits;
    const times = {
      pingMilliseconds: peerPingMilliseconds,
      silenceMilliseconds: peerSilenceMilliseconds,
    };
    const keepalive = new Keepalive(socket, times, this.#now);
    const line = { socket, paced: this.#paced(link, socket), keepalive, lineage: hello.lineage };
    link.open = line;
    const { tell } = this.#options;
    const { node, lane } = link;
    if (former !== undefined) {
      const closeReason = closeReasonOf('superseded', 'a newer socket replaced this one');
      former.socket.close(closeReason);
      tell({ type: 'peer-down', node, lane, reason: closeReason.text });
    }
    // The listener of the down event may have closed the transport.
    if (link.open === line) tell({ type: 'peer-up', node, lane, hello });
    return {
      onOpen: () => {},
      onFrame: (bytes) => this.#take(link, line, bytes),
      onClosed: (closeReason) => this.#lose(link, socket, closeReason),
    };
  }

  #paced({ lane }: LaneState, socket: Socket): PacedLane {
    const { limits, clock: now } = this.#options;
    const bytesMax = lane === 'main' ? limits.mainBytesMax : limits.bulkBytesMax;
    return new PacedLane({ socket, limits, bytesMax, now });
  }

  /** Takes a frame from the socket of a lane. */
  #take(link: LaneState, line: OpenLane, bytes: Uint8Array): void {
    const { node, lane } = link;
    const taken = line.paced.take(bytes);
    if (taken === undefined) return;
    if (taken === 'drained') return this.#options.tell({ type: 'peer-drained', node, lane });
    if (taken !== 'malformed') {
      return this.#options.tell({ type: 'peer-frame', node, lane, bytes: taken });
    }
    const closeReason = closeReasonOf('malformed', 'invalid fragment of a frame');
    line.socket.close(closeReason);
    if (link.open === line) this.#endLine(link, closeReason);
  }

  /** Both lanes of a peer belong to one incarnation. */
  #endOther(link: LaneState, { from, to, lineage }: PeerHello): void {
    const { open } = link;
    if (open === undefined || wordOf(open.lineage) === wordOf(lineage)) return;
    const text = `node ${to} hears node ${from} elsewhere, in its start ${lineage.incarnation}`;
    const closeReason = closeReasonOf('still-running', text);
    open.socket.close(closeReason);
    this.#endLine(link, closeReason);
  }

  /** The peer's other lane is up, so the next attempt is soon. */
  #encourage(link: LaneState): void {
    link.backoff = this.#options.limits.redialMillisecondsMin;
    link.dialAt = Math.min(link.dialAt, this.#now + this.#courtesyTo(link.node));
  }

  #lose(link: LaneState, socket: Socket, closeReason: CloseFrame): void {
    const isLine = link.open?.socket === socket;
    if (!isLine && link.attempt?.socket !== socket) return;
    // The close reason of an unauthenticated side is not trusted.
    const isBelieved = isLine || link.attempt?.isProven === true;
    if (!isLine) this.#report(socket, 'them', closeReason);
    if (!isLine) this.#fail(link);
    else this.#endLine(link, closeReason);
    if (!isBelieved) return;
    if (saysRemoved(closeReason)) this.#options.tell({ type: 'removed', by: link.node });
    const reason = LIFE_REASONS.find((one) => isCloseCode(closeReason, one));
    if (reason === undefined) return;
    // The other incarnation may end at any moment.
    link.backoff = this.#options.limits.redialMillisecondsMin;
    const text = closeReasonText(closeReason);
    this.#options.tell({ type: 'life-refused', node: link.node, reason, text });
  }

  #endLine(link: LaneState, closeReason: CloseFrame): void {
    link.open = undefined;
    link.dialAt = this.#now + this.#courtesyTo(link.node);
    const reason = closeReasonText(closeReason);
    this.#options.tell({ type: 'peer-down', node: link.node, lane: link.lane, reason });
  }

  /** The attempt failed. Half of the backoff is random, so that nodes do not dial in step. */
  #fail(link: LaneState): void {
    const { random, limits } = this.#options;
    link.attempt = undefined;
    const wait = link.backoff * (1 - random.fraction() / 2);
    link.backoff = Math.min(link.backoff * 2, limits.redialMillisecondsMax);
    link.dialAt = this.#now + wait + this.#courtesyTo(link.node);
  }

  #sweepLink(link: LaneState, peer: Peer): void {
    const { attempt, open } = link;
    const { helloMilliseconds } = this.#options.limits;
    if (attempt !== undefined && this.#now - attempt.since >= helloMilliseconds) {
      this.#fail(link);
      this.#refuse(
        attempt.socket,
        closeReasonOf('no-hello', 'the peer did not answer the hello in time'),
      );
    }
    if (open === undefined) return;
    let closeReason = olderCopy(peer, open.lineage);
    if (closeReason === undefined && !open.keepalive.check(this.#now)) {
      closeReason = closeReasonOf('silent', 'the peer sent nothing within the keepalive timeout');
    }
    if (closeReason === undefined) return;
    open.socket.close(closeReason);
    this.#endLine(link, closeReason);
  }

  #refuse(socket: Socket, closeReason: CloseFrame): undefined {
    socket.close(closeReason);
    this.#report(socket, 'us', closeReason);
  }

  #report({ address }: Socket, by: 'us' | 'them', closeReason: CloseFrame): void {
    this.#options.tell({ type: 'refused', address, by, text: closeReasonText(closeReason) });
  }

  #drop(link: LaneState, closeReason: CloseFrame): void {
    link.attempt?.socket.close(closeReason);
    link.attempt = undefined;
  }

  #cut(link: LaneState, closeReason: CloseFrame): void {
    this.#drop(link, closeReason);
    link.open?.socket.close(closeReason);
    link.open = undefined;
  }
}

function strangerText({ from, to }: PeerHello): string {
  return `node ${from} is not in the map of node ${to} (yet, or any more)`;
}

const SILENT = { said: undefined, heard: undefined, isProven: false } as const;

const LIFE_REASONS = ['older-copy', 'still-running'] as const;
