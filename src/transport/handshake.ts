/** What is to be thought of a hello: taken, or refused with a reason that both logs can show. */

import type { NodeId } from '../base/ids.ts';
import { type Life, type Lineage, lifeMissingIn } from '../base/life.ts';
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

/** Who we are, in every hello. */
export interface PeerIdentity {
  readonly cluster: string;
  readonly node: NodeId;
  /** This life and those before it; durable before the transport is made. */
  readonly lineage: Lineage;
  readonly features: readonly number[];
  readonly limits: ClientLimits;
  /** That of the cluster: only nodes that prove to have it are peers. */
  readonly secret: Secret;
}

type Judgement<T> = { readonly hello: T } | { readonly refusal: CloseFrame };

/** What we must know before a hello of a peer can be believed. */
interface Expectation {
  readonly identity: PeerIdentity;
  /** On a socket that we dialled: whom, for which lane. */
  readonly dialled?: { readonly node: NodeId; readonly lane: Lane };
}

/** That the speaker is who and where it should be. Whether it is known is for the caller. */
export function judgePeer(
  bytes: Uint8Array,
  { identity, dialled }: Expectation,
): Judgement<PeerHello> {
  const judged = judge(bytes, 'peer');
  if ('refusal' in judged) return judged;
  const { hello } = judged;
  const { cluster, node } = identity;
  if (hello.cluster !== cluster) return foreign(hello.cluster, cluster);
  if (hello.to !== node) {
    return refuse('wrong-node', `you look for node ${hello.to} and reached node ${node}`);
  }
  if (dialled !== undefined && hello.from !== dialled.node) {
    return refuse('wrong-node', `node ${dialled.node} was dialled, node ${hello.from} answered`);
  }
  const isGuarded = identity.secret.length > 0;
  if (hello.isGuarded !== isGuarded) {
    const [one, other] = isGuarded ? [node, hello.from] : [hello.from, node];
    const text = `node ${one} has a cluster secret and node ${other} has none; give all the same`;
    return refuse('wrong-secret', text);
  }
  if (dialled !== undefined && hello.lane !== dialled.lane) {
    return refuse('not-a-hello', `lane ${dialled.lane} was dialled, ${hello.lane} answered`);
  }
  return judged;
}

export function judgeClient(bytes: Uint8Array, identity: PeerIdentity): Judgement<ClientHello> {
  const judged = judge(bytes, 'client');
  if ('refusal' in judged) return judged;
  const { cluster } = judged.hello;
  const isOurs = cluster === '' || cluster === identity.cluster;
  return isOurs ? judged : foreign(cluster, identity.cluster);
}

/** What a life is told that does not follow the lives that are known. */
export function olderCopy(
  { node, lives }: { readonly node: NodeId; readonly lives: readonly Life[] },
  lineage: Lineage,
): CloseFrame | undefined {
  const missing = lifeMissingIn(lineage, lives);
  if (missing === undefined) return undefined;
  const text = `start ${lineage.incarnation} of node ${node} does not know of a start`;
  return closeReasonOf('older-copy', `${text} that was numbered ${missing.incarnation}`);
}

/** What is said to a node whose proof is of another secret. */
export function wrongSecret(node: NodeId): CloseFrame {
  const text = `node ${node} has another cluster secret: give all nodes one --secret-file`;
  return closeReasonOf('wrong-secret', text);
}

/** A node's answer to a client that knows the cluster, or (empty) does not yet. */
export function judgeNode(bytes: Uint8Array, cluster: string): Judgement<NodeHello> {
  const judged = judge(bytes, 'node');
  if ('refusal' in judged) return judged;
  const isOurs = cluster === '' || cluster === judged.hello.cluster;
  return isOurs ? judged : foreign(judged.hello.cluster, cluster);
}

function judge<T extends Hello['type']>(
  bytes: Uint8Array,
  type: T,
): Judgement<Extract<Hello, { readonly type: T }>> {
  const hello = decodeHello(bytes);
  if (hello === undefined) return refuse('not-a-hello', 'the first frame is not a ringkv hello');
  if (hello.type === 'other-version') {
    const { versionMin, versionMax } = hello;
    const ours = `${VERSION_MIN} to ${VERSION_MAX}`;
    return refuse('other-version', `you speak ${versionMin} to ${versionMax}, we speak ${ours}`);
  }
  if (!isOf(hello, type)) {
    return refuse('not-a-hello', `a ${hello.type} speaks where a ${type} should`);
  }
  return { hello };
}

function isOf<T extends Hello['type']>(
  hello: Hello,
  type: T,
): hello is Extract<Hello, { readonly type: T }> {
  return hello.type === type;
}

function foreign(theirs: string, ours: string): { readonly refusal: CloseFrame } {
  return refuse(
    'foreign-cluster',
    `you are of ${theirs.slice(0, 32)}, we are ${ours.slice(0, 32)}`,
  );
}

function refuse(...[reason, text]: Parameters<typeof closeReasonOf>): {
  readonly refusal: CloseFrame;
} {
  return { refusal: closeReasonOf(reason, text) };
}
