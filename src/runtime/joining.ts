/** A node without a number asks a node of a cluster for one. */

import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import type { ClusterMap, NodeDescription } from '../catalog/cluster-map.ts';
import type { CatalogReply } from '../catalog/command.ts';
import { decodeReply, encodeCommand } from '../catalog/command-bytes.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import { TIMERS } from '../transport/timers.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { proofOfJoining, type Secret } from '../wire/proof.ts';
import { encodeRequests } from '../wire/request.ts';
import { decodeResponses, type Response } from '../wire/response.ts';

interface Joining {
  readonly url: string;
  /** The only one to join. */
  readonly cluster: string;
  readonly joinToken: Uint8Array;
  readonly description: NodeDescription;
  readonly secret: Secret;
  /** Looks at the cluster before anything is asked of it: a text refuses to join it. */
  readonly objection: (map: ClusterMap) => string | undefined;
  /** Gives up: it was told to stop. */
  readonly signal: AbortSignal | undefined;
}

export type JoinResult =
  | {
      readonly type: 'joined';
      readonly cluster: string;
      readonly node: NodeId;
      /** The whole map, so that the others can be found. */
      readonly map: Uint8Array;
    }
  /** It may go well later, or elsewhere. */
  | { readonly type: 'not-yet'; readonly why: string }
  | { readonly type: 'refused'; readonly text: string };

const COMMAND_ID = 1;
const MAP_ID = 2;
const ROUND_MILLISECONDS = 3000;

/** The same token gets the same number, however often it asks. */
export function joinAt(joining: Joining): Promise<JoinResult> {
  const { url, cluster, joinToken, description, objection, signal, secret } = joining;
  return new Promise((resolve) => {
    const sockets = new WebDialler();
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
    const stop = () => notYet('it was not waited for');
    signal?.addEventListener('abort', stop);
    const timer = setTimeout(() => notYet('it did not answer in time'), ROUND_MILLISECONDS);
    const askMap = () => {
      line.send(encodeRequests([{ type: 'map', id: MAP_ID, knownVersion: 0 }]));
    };
    const takeMap = (bytes: Uint8Array) => {
      if (node !== undefined) return end({ type: 'joined', cluster, node, map: bytes });
      const map = decodeMap(bytes, undefined);
      if (map === undefined || !isLooking) return notYet('it has no map of the cluster yet');
      isLooking = false;
      const text = objection(map);
      if (text !== undefined) return end({ type: 'refused', text });
      const known = { type: 'join', joinToken, description } as const;
      const proof = proofOfJoining(secret, { cluster, joinToken });
      const command = encodeCommand(secret.length === 0 ? known : { ...known, proof });
      line.send(encodeRequests([{ type: 'command', id: COMMAND_ID, command }]));
    };
    const take = (response: Response) => {
      if (response.type === 'failed') return notYet(`it cannot now (${response.failure})`);
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
        'another node of the cluster is running at the address that this one gives. Stop it, or ' +
        'start this one with another --listen or --advertise-peer'
      );
    case 'too-many-newcomers':
      return (
        `${CATALOG_LIMITS.newcomersMax} nodes have joined and have not started yet. Start ` +
        'them, or remove those that will not come: kvctl nodes shows them'
      );
    case 'wrong-secret':
      return (
        'its cluster secret is not the one of this node, or one of them has none: give this node ' +
        'the --secret-file of the others'
      );
    case 'full':
      return `the cluster has ${CATALOG_LIMITS.nodesMax} nodes, as many as it may have`;
    default:
      return `the catalog refused (${reply.reason})`;
  }
}
