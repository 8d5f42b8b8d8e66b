/** The two lanes to each peer: who dials, which socket is the lane's, and when to try again. */

import type { NodeId } from '../base/ids.ts';
import { wordOf } from '../base/life.ts';
import type { Random } from '../base/random.ts';
import type { TransportLimits } from '../base/transport-limits.ts';
import {
  type Farewell,
  farewellOf,
  farewellText,
  isFarewell,
  saysRemoved,
} from '../wire/farewell.ts';
import type { Lane, PeerHello } from '../wire/hello.ts';
import { encodeAdmission, isAdmission } from '../wire/proof.ts';
import { Handshake } from './handshake.ts';
import { type Identity, judgePeer, olderCopy, wrongSecret } from './judgement.ts';
import { LANE_DOWN, PacedLine } from './paced-line.ts';
import type { Attempt, Known, LaneAddress, Line, Link } from './peer-link.ts';
import { Pulse } from './pulse.ts';
import type { Reception, Socket, SocketListener, Sockets } from './sockets.ts';
import type { LaneRoom, Peer, TransportEvent } from './transport.ts';

const LANES = ['main', 'bulk'] as const;

interface PeerLinksOptions {
  readonly identity: Identity;
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
 * Either side dials; the smaller node id decides. The dialler says hello; the listener answers and
 * proves that it has the secret of the cluster; the dialler proves the same, is admitted, and from
 * then on the socket is the lane. Before its proof a socket changes nothing: what it says, and why
 * it closes, is for the log. If both dial at once, the smaller id refuses what comes in as soon as
 * its own hello is out, and the larger id drops its own attempt for the one that comes in. The
 * larger id leaves dialling to the smaller one for a moment (`courtesyMilliseconds`), so this is
 * rare; that it dials at all lets a node in that has moved or has just joined.
 *
 * A new hello from the peer replaces the line that we still believe in: the peer would not have
 * dialled if it had one. Its generation proves that it is new. A hello that was overtaken, by a
 * later one or by the answer on another socket, has a lower generation and is refused (N11).
 *
 * A hello is taken only from a life that follows all lives of the peer that are known here. While a
 * line to one life is up, another one waits (`still-running`), for one of the two is a copy; only
 * the life that is known best (the last of `Peer.lives`) takes a line from another.
 */
export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #known = new Map<NodeId, Known>();
  readonly #handshake: Handshake;
  /** Numbers below it were given to nodes; one that is not known was removed. */
  #nextNode = 0;
  #now = 0;

  constructor(options: PeerLinksOptions) {
    this.#options = options;
    this.#handshake = new Handshake(options);
  }

  setPeers(peers: readonly Peer[], nextNode = 0): void {
    this.#nextNode = nextNode;
    const listed = new Map(peers.map((peer) => [peer.node, peer]));
    for (const [node, known] of this.#known) {
      if (listed.has(node)) continue;
      this.#known.delete(node);
      const farewell = this.#strangeness(node, `node ${node} is no longer in the map`);
      for (const lane of LANES) this.#cut(known.links[lane], farewell);
    }
    for (const peer of peers) this.#setPeer(peer);
    this.#dialDue();
  }

  send(to: LaneAddress & { readonly stream?: number }, bytes: Uint8Array): boolean {
    return this.#lineTo(to)?.paced.send(bytes, to.stream) ?? false;
  }

  buffered(to: LaneAddress): number {
    return this.#lineTo(to)?.paced.buffered ?? 0;
  }

  roomTo(to: LaneAddress): LaneRoom {
    return this.#lineTo(to)?.paced.room ?? LANE_DOWN;
  }

  #lineTo({ node, lane }: LaneAddress): Line | undefined {
    return this.#known.get(node)?.links[lane].line;
  }

  /** Looks at all deadlines. `now` counts only time in which this node was awake. */
  sweep(now: number): void {
    this.#now = now;
    for (const { peer, links } of [...this.#known.values()]) {
      for (const lane of LANES) this.#sweepLink(links[lane], peer);
    }
    this.#dialDue();
  }

  /** A node dialled us and this is its first frame. Undefined: it was refused and is closed. */
  welcome(socket: Socket, bytes: Uint8Array): Reception | undefined {
    const judged = judgePeer(bytes, { identity: this.#options.identity });
    if ('refusal' in judged) return this.#refuse(socket, judged.refusal);
    const { hello } = judged;
    const { from, lane } = hello;
    const known = this.#known.get(from);
    // Those that were removed are told so, and believe it of those alone that prove themselves.
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

  /** Its second frame proves who it is. */
  #admit(socket: Socket, hello: PeerHello, isProven: boolean): Reception | undefined {
    if (!isProven) return this.#refuse(socket, wrongSecret(hello.to));
    const known = this.#known.get(hello.from);
    if (known === undefined)
      return this.#refuse(socket, this.#strangeness(hello.from, strangerText(hello)));
    const link = known.links[hello.lane];
    const refusal = this.#collisionOf(known, hello) ?? this.#faultOf(known, hello);
    if (refusal !== undefined) return this.#refuse(socket, refusal);
    this.#drop(link, farewellOf('superseded', 'the other side has dialled'));
    socket.send(encodeAdmission());
    const listener = this.#connect(link, socket, hello);
    return listener && { listener };
  }

  /** Both have dialled: the smaller id keeps its own attempt. */
  #collisionOf({ links }: Known, { from, to, lane }: PeerHello): Farewell | undefined {
    const isOurTurn = links[lane].attempt?.said !== undefined && to < from;
    return isOurTurn ? farewellOf('superseded', `node ${to} has dialled already`) : undefined;
  }

  /** What it sent is not of this protocol. */
  dismiss({ node, lane }: LaneAddress, reason: string): void {
    const link = this.#known.get(node)?.links[lane];
    const line = link?.line;
    if (link === undefined || line === undefined) return;
    const farewell = farewellOf('malformed', reason);
    line.socket.close(farewell);
    this.#options.soon(() => {
      if (link.line !== line) return;
      this.#endLine(link, farewell);
      // The next frames may be no better.
      link.dialAt = this.#now + this.#options.limits.redialMillisecondsMax;
    });
  }

  #strangeness(node: NodeId, text: string): Farewell {
    if (node >= this.#nextNode) return farewellOf('stranger', text);
    return farewellOf('removed', `node ${node} was removed from the cluster`);
  }

  close(farewell: Farewell): void {
    for (const { links } of this.#known.values()) {
      for (const lane of LANES) this.#cut(links[lane], farewell);
    }
    this.#known.clear();
  }

  #setPeer(peer: Peer): void {
    const known = this.#known.get(peer.node);
    if (known === undefined) {
      const links = { main: this.#linkTo(peer, 'main'), bulk: this.#linkTo(peer, 'bulk') };
      this.#known.set(peer.node, { peer, links });
      return;
    }
    const hasMoved = known.peer.url !== peer.url;
    known.peer = peer;
    for (const lane of LANES) if (hasMoved) this.#hurry(known.links[lane]);
  }

  #linkTo({ node }: Peer, lane: Lane): Link {
    const backoff = this.#options.limits.redialMillisecondsMin;
    const dialAt = this.#now + this.#courtesyTo(node);
    return {
      lane,
      node,
      line: undefined,
      attempt: undefined,
      dialAt,
      backoff,
      generationSeen: 0,
      wordSeen: 0,
    };
  }

  /** None from a node that has just started: the others may not have looked for it for long. */
  #courtesyTo(node: NodeId): number {
    const { identity, limits } = this.#options;
    const isFirst = identity.node < node || this.#now < limits.courtesyMilliseconds;
    return isFirst ? 0 : limits.courtesyMilliseconds;
  }

  /** There is news of the peer: an attempt under way is given up, and the next is not far. */
  #hurry(link: Link): void {
    this.#drop(link, farewellOf('superseded', 'the address has changed'));
    link.backoff = this.#options.limits.redialMillisecondsMin;
    link.dialAt = Math.min(link.dialAt, this.#now + this.#courtesyTo(link.node));
  }

  #dialDue(): void {
    for (const { peer, links } of this.#known.values()) {
      for (const lane of LANES) {
        const link = links[lane];
        const isIdle = link.line === undefined && link.attempt === undefined;
        if (isIdle && this.#now >= link.dialAt) this.#dial(link, peer.url);
      }
    }
  }

  #dial(link: Link, url: string): void {
    const socket: Socket = this.#options.sockets.dial(
      { url, door: '/peer' },
      {
        onOpen: () => {
          attempt.said = this.#greet(socket, link);
        },
        onFrame: (bytes) => this.#hear(link, attempt, bytes),
        onClosed: (farewell) => this.#lose(link, socket, farewell),
      },
    );
    const attempt: Attempt = { socket, since: this.#now, ...SILENT };
    link.attempt = attempt;
  }

  /** The bytes of our hello, which proofs are made of. */
  #greet(socket: Socket, to: LaneAddress): Uint8Array {
    const bytes = this.#handshake.helloTo(to);
    socket.send(bytes.slice());
    return bytes;
  }

  /** A frame on a socket that we dialled: the answer to our hello, its proof, or what follows. */
  #hear(link: Link, attempt: Attempt, bytes: Uint8Array): void {
    if (link.line?.socket === attempt.socket) return this.#take(link, link.line, bytes);
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

  #hearHello(link: Link, attempt: Attempt, bytes: Uint8Array): Farewell | undefined {
    const judged = judgePeer(bytes, { identity: this.#options.identity, dialled: link });
    if ('hello' in judged) attempt.heard = { hello: judged.hello, bytes };
    return 'refusal' in judged ? judged.refusal : undefined;
  }

  /** The other side is who it says; it hears the same of us, also where it is refused. */
  #hearProof(link: Link, attempt: Attempt, bytes: Uint8Array): Farewell | undefined {
    const { socket, said, heard } = attempt;
    const known = this.#known.get(link.node);
    if (known === undefined || said === undefined || heard === undefined) return undefined;
    const hellos = { dialler: said, listener: heard.bytes };
    if (!this.#handshake.isProofBy('listener', hellos, bytes)) return wrongSecret(heard.hello.to);
    socket.send(this.#handshake.proofBy('dialler', hellos));
    attempt.isProven = true;
    return this.#faultOf(known, heard.hello);
  }

  /** It has checked our hello, and takes it. */
  #hearAdmission(link: Link, attempt: Attempt, bytes: Uint8Array): Farewell | undefined {
    const { socket, heard } = attempt;
    const known = this.#known.get(link.node);
    if (known === undefined || heard === undefined) return undefined;
    if (!isAdmission(bytes)) return farewellOf('malformed', 'no admission, and no farewell');
    const refusal = this.#faultOf(known, heard.hello);
    if (refusal !== undefined) return refusal;
    link.attempt = undefined;
    this.#connect(link, socket, heard.hello);
    return undefined;
  }

  #faultOf({ peer, links }: Known, hello: PeerHello): Farewell | undefined {
    const { from, to, lineage, generation } = hello;
    const older = olderCopy(peer, lineage);
    if (older !== undefined) return older;
    const word = wordOf(lineage);
    const running = LANES.map((lane) => links[lane].line?.lineage).find(
      (line) => line !== undefined && wordOf(line) !== word,
    );
    if (running !== undefined && peer.lives.at(-1)?.word !== word) {
      const text = `node ${to} hears node ${from} elsewhere, in its start ${running.incarnation}`;
      return farewellOf('still-running', text);
    }
    const { wordSeen, generationSeen } = links[hello.lane];
    if (word !== wordSeen || generation > generationSeen) return undefined;
    return farewellOf('superseded', 'a later hello has come');
  }

  /** The socket becomes the lane; what was the lane before is gone. */
  #connect(link: Link, socket: Socket, hello: PeerHello): SocketListener | undefined {
    const known = this.#known.get(link.node);
    if (known === undefined) return undefined;
    link.generationSeen = hello.generation;
    link.wordSeen = wordOf(hello.lineage);
    link.backoff = this.#options.limits.redialMillisecondsMin;
    for (const lane of LANES) {
      if (lane === link.lane) continue;
      this.#endOther(known.links[lane], hello);
      this.#encourage(known.links[lane]);
    }
    const former = link.line;
    const { peerPingMilliseconds, peerSilenceMilliseconds } = this.#options.limits;
    const times = {
      pingMilliseconds: peerPingMilliseconds,
      silenceMilliseconds: peerSilenceMilliseconds,
    };
    const pulse = new Pulse(socket, times, this.#now);
    const line = { socket, paced: this.#paced(link, socket), pulse, lineage: hello.lineage };
    link.line = line;
    const { tell } = this.#options;
    const { node, lane } = link;
    if (former !== undefined) {
      const farewell = farewellOf('superseded', 'a newer socket took its place');
      former.socket.close(farewell);
      tell({ type: 'peer-down', node, lane, reason: farewell.text });
    }
    // Whoever heard of the down may have closed everything meanwhile.
    if (link.line === line) tell({ type: 'peer-up', node, lane, hello });
    return {
      onOpen: () => {},
      onFrame: (bytes) => this.#take(link, line, bytes),
      onClosed: (farewell) => this.#lose(link, socket, farewell),
    };
  }

  #paced({ lane }: Link, socket: Socket): PacedLine {
    const { limits, clock: now } = this.#options;
    const bytesMax = lane === 'main' ? limits.mainBytesMax : limits.bulkBytesMax;
    return new PacedLine({ socket, limits, bytesMax, now });
  }

  /** Something came in on the socket of a lane. */
  #take(link: Link, line: Line, bytes: Uint8Array): void {
    const { node, lane } = link;
    const taken = line.paced.take(bytes);
    if (taken === undefined) return;
    if (taken === 'drained') return this.#options.tell({ type: 'peer-drained', node, lane });
    if (taken !== 'malformed') {
      return this.#options.tell({ type: 'peer-frame', node, lane, bytes: taken });
    }
    const farewell = farewellOf('malformed', 'a piece of a frame that no node sends');
    line.socket.close(farewell);
    if (link.line === line) this.#endLine(link, farewell);
  }

  /** The lanes of a peer are of one life. */
  #endOther(link: Link, { from, to, lineage }: PeerHello): void {
    const { line } = link;
    if (line === undefined || wordOf(line.lineage) === wordOf(lineage)) return;
    const text = `node ${to} hears node ${from} elsewhere, in its start ${lineage.incarnation}`;
    const farewell = farewellOf('still-running', text);
    line.socket.close(farewell);
    this.#endLine(link, farewell);
  }

  /** The peer is there, as its other lane shows: no reason to wait long. */
  #encourage(link: Link): void {
    link.backoff = this.#options.limits.redialMillisecondsMin;
    link.dialAt = Math.min(link.dialAt, this.#now + this.#courtesyTo(link.node));
  }

  #lose(link: Link, socket: Socket, farewell: Farewell): void {
    const isLine = link.line?.socket === socket;
    if (!isLine && link.attempt?.socket !== socket) return;
    // Of a side that has proven nothing no more is believed than that it closed the socket.
    const isBelieved = isLine || link.attempt?.isProven === true;
    if (!isLine) this.#report(socket, 'them', farewell);
    if (!isLine) this.#fail(link);
    else this.#endLine(link, farewell);
    if (!isBelieved) return;
    if (saysRemoved(farewell)) this.#options.tell({ type: 'removed', by: link.node });
    const reason = LIFE_REASONS.find((one) => isFarewell(farewell, one));
    if (reason === undefined) return;
    // The other life may end at any moment.
    link.backoff = this.#options.limits.redialMillisecondsMin;
    const text = farewellText(farewell);
    this.#options.tell({ type: 'life-refused', node: link.node, reason, text });
  }

  #endLine(link: Link, farewell: Farewell): void {
    link.line = undefined;
    link.dialAt = this.#now + this.#courtesyTo(link.node);
    const reason = farewellText(farewell);
    this.#options.tell({ type: 'peer-down', node: link.node, lane: link.lane, reason });
  }

  /** The attempt came to nothing. Half of the wait is drawn, so that nodes do not dial in step. */
  #fail(link: Link): void {
    const { random, limits } = this.#options;
    link.attempt = undefined;
    const wait = link.backoff * (1 - random.fraction() / 2);
    link.backoff = Math.min(link.backoff * 2, limits.redialMillisecondsMax);
    link.dialAt = this.#now + wait + this.#courtesyTo(link.node);
  }

  #sweepLink(link: Link, peer: Peer): void {
    const { attempt, line } = link;
    const { helloMilliseconds } = this.#options.limits;
    if (attempt !== undefined && this.#now - attempt.since >= helloMilliseconds) {
      this.#fail(link);
      this.#refuse(attempt.socket, farewellOf('no-hello', 'nobody answered in time'));
    }
    if (line === undefined) return;
    let farewell = olderCopy(peer, line.lineage);
    if (farewell === undefined && !line.pulse.check(this.#now)) {
      farewell = farewellOf('silent', 'nothing was heard for too long');
    }
    if (farewell === undefined) return;
    line.socket.close(farewell);
    this.#endLine(link, farewell);
  }

  #refuse(socket: Socket, farewell: Farewell): undefined {
    socket.close(farewell);
    this.#report(socket, 'us', farewell);
  }

  #report({ address }: Socket, by: 'us' | 'them', farewell: Farewell): void {
    this.#options.tell({ type: 'refused', address, by, text: farewellText(farewell) });
  }

  #drop(link: Link, farewell: Farewell): void {
    link.attempt?.socket.close(farewell);
    link.attempt = undefined;
  }

  #cut(link: Link, farewell: Farewell): void {
    this.#drop(link, farewell);
    link.line?.socket.close(farewell);
    link.line = undefined;
  }
}

function strangerText({ from, to }: PeerHello): string {
  return `node ${from} is not in the map of node ${to} (yet, or any more)`;
}

const SILENT = { said: undefined, heard: undefined, isProven: false } as const;

const LIFE_REASONS = ['older-copy', 'still-running'] as const;
