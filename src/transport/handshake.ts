/** Validates hellos: accepts one, or refuses it with a reason that both sides log. */

import type { NodeId } from '../base/ids.ts';
import { type Life, type Lineage, lifeMissingIn } from '../base/life.ts';
import { isNameOfCluster, type NodeName } from '../certificates/node-name.ts';
import { type CloseFrame, closeReasonOf } from '../wire/close-reason.ts';
import {
  type ClientHello,
  type ClientLimits,
  decodeHello,
  type Hello,
  type Lane,
  type NodeHello,
  type PeerHello,
  VERSION_MAX,
  VERSION_MIN,
} from '../wire/hello.ts';
import type { Secret } from '../wire/proof.ts';

/** The identity of this node, sent in every hello. */
export interface PeerIdentity {
  readonly cluster: string;
  readonly node: NodeId;
  /** The current incarnation and the earlier ones; durable before the transport starts. */
  readonly lineage: Lineage;
  readonly features: readonly number[];
  readonly limits: ClientLimits;
  /** The cluster secret: only nodes that prove to have it become peers. */
  readonly secret: Secret;
  /** Sockets of nodes have TLS, and a peer is the node that its certificate names. */
  readonly isCertified?: boolean;
}

type Judgement<T> = { readonly hello: T } | { readonly refusal: CloseFrame };

/** The context in which a hello of a peer is validated. */
interface Expectation {
  readonly identity: PeerIdentity;
  /** For a socket that this node dialled: the target node and lane. */
  readonly dialled?: { readonly node: NodeId; readonly lane: Lane };
  /** The node that the certificate of the other side names. */
  readonly holder: NodeName | undefined;
  /** The name of a node in the map; undefined if it is not listed. */
  readonly nameOf: (node: NodeId) => string | undefined;
}

/** Checks cluster, node numbers, lane, certificate and secret. The caller checks membership. */
export function judgePeer(
  bytes: Uint8Array,
  { identity, dialled, holder, nameOf }: Expectation,
): Judgement<PeerHello> {
  const judged = judge(bytes, 'peer');
  if ('refusal' in judged) return judged;
  const { hello } = judged;
  const { cluster, node } = identity;
  if (hello.cluster !== cluster) return foreign(hello.cluster, cluster);
  if (hello.to !== node) {
    return refuse('wrong-node', `the hello is for node ${hello.to}, but this is node ${node}`);
  }
  if (dialled !== undefined && hello.from !== dialled.node) {
    return refuse('wrong-node', `dialled node ${dialled.node}, but node ${hello.from} answered`);
  }
  if (identity.isCertified === true) {
    const fault = certificateFault(holder, { cluster, node: hello.from, name: nameOf(hello.from) });
    if (fault !== undefined) return refuse('wrong-certificate', fault);
  }
  const isGuarded = identity.secret.length > 0;
  if (hello.isGuarded !== isGuarded) {
    const [one, other] = isGuarded ? [node, hello.from] : [hello.from, node];
    const text = `node ${one} has a cluster secret and node ${other} has none; use one for all`;
    return refuse('wrong-secret', text);
  }
  if (dialled !== undefined && hello.lane !== dialled.lane) {
    return refuse('not-a-hello', `dialled lane ${dialled.lane}, but lane ${hello.lane} answered`);
  }
  return judged;
}

/** A certificate speaks for one node of one cluster. */
function certificateFault(
  holder: NodeName | undefined,
  claimed: { readonly cluster: string; readonly node: NodeId; readonly name: string | undefined },
): string | undefined {
  if (holder === undefined) return 'the certificate names no node';
  const { cluster, node, name } = claimed;
  if (!isNameOfCluster(holder.cluster, cluster)) {
    return `the certificate is for cluster ${holder.cluster.slice(0, 32)}`;
  }
  // A node that the map does not list is refused for that, after its proof.
  if (name === undefined || name === holder.name) return undefined;
  const map = name === '' ? 'has no name' : `is ${name.slice(0, 24)}`;
  return `the certificate is of ${holder.name.slice(0, 24)}, but node ${node} ${map} in the map`;
}

export function judgeClient(bytes: Uint8Array, identity: PeerIdentity): Judgement<ClientHello> {
  const judged = judge(bytes, 'client', 'bearer');
  if ('refusal' in judged) return judged;
  const { cluster } = judged.hello;
  const isOurs = cluster === '' || cluster === identity.cluster;
  return isOurs ? judged : foreign(cluster, identity.cluster);
}

/** The refusal of an incarnation that does not follow the known incarnations: an old copy. */
export function olderCopy(
  { node, lives }: { readonly node: NodeId; readonly lives: readonly Life[] },
  lineage: Lineage,
): CloseFrame | undefined {
  const missing = lifeMissingIn(lineage, lives);
  if (missing === undefined) return undefined;
  const text = `start ${lineage.incarnation} of node ${node} does not know of a start`;
  return closeReasonOf('older-copy', `${text} that was numbered ${missing.incarnation}`);
}

/** The refusal of a node whose proof was made with another secret. */
export function wrongSecret(node: NodeId): CloseFrame {
  const text = `node ${node} has another cluster secret: all nodes need the same --secret-file`;
  return closeReasonOf('wrong-secret', text);
}

/** Checks a client's hello, which names the cluster or (empty) accepts any. */
export function judgeNode(bytes: Uint8Array, cluster: string): Judgement<NodeHello> {
  const judged = judge(bytes, 'node');
  if ('refusal' in judged) return judged;
  const isOurs = cluster === '' || cluster === judged.hello.cluster;
  return isOurs ? judged : foreign(judged.hello.cluster, cluster);
}

function judge<T extends Hello['type']>(
  bytes: Uint8Array,
  ...types: readonly [T, ...T[]]
): Judgement<Extract<Hello, { readonly type: T }>> {
  const hello = decodeHello(bytes);
  if (hello === undefined) return refuse('not-a-hello', 'the first frame is not a ringkv hello');
  if (hello.type === 'other-version') {
    const { versionMin, versionMax } = hello;
    const ours = `${VERSION_MIN} to ${VERSION_MAX}`;
    return refuse(
      'other-version',
      `got protocol ${versionMin} to ${versionMax}; this node has ${ours}`,
    );
  }
  if (!isOf(hello, types)) {
    return refuse(
      'not-a-hello',
      `expected the hello of a ${types[0]}, got that of a ${hello.type}`,
    );
  }
  return { hello };
}

function isOf<T extends Hello['type']>(
  hello: Hello,
  types: readonly T[],
): hello is Extract<Hello, { readonly type: T }> {
  return types.some((type) => hello.type === type);
}

function foreign(theirs: string, ours: string): { readonly refusal: CloseFrame } {
  return refuse(
    'foreign-cluster',
    `the hello names cluster ${theirs.slice(0, 32)}; this is ${ours.slice(0, 32)}`,
  );
}

function refuse(...[reason, text]: Parameters<typeof closeReasonOf>): {
  readonly refusal: CloseFrame;
} {
  return { refusal: closeReasonOf(reason, text) };
}
