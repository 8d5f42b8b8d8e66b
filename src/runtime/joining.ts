/** A node without a number requests one from a node of a cluster. */

import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import type { ClusterMap, NodeDescription } from '../catalog/cluster-map.ts';
import type { CatalogReply } from '../catalog/command.ts';
import { decodeReply, encodeCommand } from '../catalog/command.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import { TIMERS } from '../transport/timers.ts';
import type { DialTls } from '../transport/tls.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { proofOfJoining, type Secret } from '../wire/proof.ts';
import { encodeRequests } from '../wire/request.ts';
import { decodeResponses, type Response } from '../wire/response.ts';

interface Joining {
  readonly url: string;
  /** The only cluster to join. */
  readonly cluster: string;
  readonly joinToken: Uint8Array;
  readonly description: NodeDescription;
  readonly secret: Secret;
  readonly tls: DialTls | undefined;
  /** Checks the map before the request; a text refuses to join. */
  readonly objection: (map: ClusterMap) => string | undefined;
  /** Aborts the join. */
  readonly signal: AbortSignal | undefined;
}

export type JoinResult =
  | {
      readonly type: 'joined';
      readonly cluster: string;
      readonly node: NodeId;
      /** The whole map, with the addresses of the other nodes. */
      readonly map: Uint8Array;
    }
  /** A retry, or another node, may succeed. */
  | { readonly type: 'not-yet'; readonly why: string }
  | { readonly type: 'refused'; readonly text: string };

const COMMAND_ID = 1;
const MAP_ID = 2;
const ROUND_MILLISECONDS = 3000;

/** Repeated requests with one token get the same number. */
export function joinAt(joining: Joining): Promise<JoinResult> {
  const { url, cluster, joinToken, description, objection, signal, secret, tls } = joining;
  return new Promise((resolve) => {
    const sockets = new WebDialler({ tls: tls && (() => tls) });
    let node: NodeId | undefined;
    let isLooking = true;
    const end = (admission: JoinResult) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      line.close();
      sockets.close();
      resolve(admission);
    };
    const notYet = (why: string) => end({ type: 'not-yet', why });
    const stop = () => notYet('the request was aborted');
    signal?.addEventListener('abort', stop);
    const timer = setTimeout(
      () => notYet(`no answer within ${ROUND_MILLISECONDS} ms`),
      ROUND_MILLISECONDS,
    );
    const askMap = () => {
      line.send(encodeRequests([{ type: 'map', id: MAP_ID, knownVersion: 0 }]));
    };
    const takeMap = (bytes: Uint8Array) => {
      if (node !== undefined) return end({ type: 'joined', cluster, node, map: bytes });
      const map = decodeMap(bytes, undefined);
      if (map === undefined || !isLooking) return notYet('the node has no map of the cluster yet');
      isLooking = false;
      const text = objection(map);
      if (text !== undefined) return end({ type: 'refused', text });
      const hasSecret = secret.length > 0;
      const proof = hasSecret ? proofOfJoining(secret, { cluster, joinToken }) : undefined;
      const command = encodeCommand({ type: 'join', joinToken, description, proof });
      line.send(encodeRequests([{ type: 'command', id: COMMAND_ID, command }]));
    };
    const take = (response: Response) => {
      if (response.type === 'failed')
        return notYet(`the catalog is unavailable (${response.failure})`);
      if (response.type === 'map') return takeMap(response.map);
      const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
      const refusal = refusalOf(reply);
      if (refusal !== undefined) return notYet(refusal);
      if (reply?.type !== 'done') return;
      node = reply.node;
      askMap();
    };
    const line = new ClientConnection({
      sockets,
      schedule: TIMERS,
      url,
      cluster,
      features: [],
      onEvent: (event) => {
        if (event.type === 'down') return notYet(event.reason);
        if (event.type === 'frame') return decodeResponses(event.bytes)?.forEach(take);
        askMap();
      },
    });
  });
}

function refusalOf(reply: CatalogReply | undefined): string | undefined {
  if (reply?.type !== 'refused') return undefined;
  switch (reply.reason) {
    case 'still-running':
      return (
        'another node of the cluster is running at the address of this node. Stop it, or ' +
        'start this node with another --listen or --advertise-peer'
      );
    case 'too-many-newcomers':
      return (
        `${CATALOG_LIMITS.newcomersMax} nodes have joined but not started, which is the limit. ` +
        'Start them, or remove those that will not start: kvctl nodes lists them'
      );
    case 'wrong-secret':
      return (
        'its cluster secret differs from that of this node, or one of them has none: start this ' +
        'node with the --secret-file of the other nodes'
      );
    case 'wrong-certificate':
      return (
        'the certificate of this node has another name, or names another cluster: it needs ' +
        'ringkv://CLUSTER/node/NAME with the name of this node'
      );
    case 'full':
      return `the cluster has ${CATALOG_LIMITS.nodesMax} nodes, which is the limit`;
    default:
      return `the catalog refused the join (${reply.reason})`;
  }
}
