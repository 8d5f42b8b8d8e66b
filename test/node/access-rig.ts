/** A cluster in memory with users, and clients that present tokens. */

import type { KeyGrant, KeyVerb, Role } from '../../src/access/role.ts';
import { credentialOf, TOKEN_BYTES, tokenText } from '../../src/access/token.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { type CatalogCommand, decodeReply, encodeCommand } from '../../src/catalog/command.ts';
import type { Client } from '../../src/client/client.ts';
import { TestCluster } from '../../src/testkit/test-cluster.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';

const encoder = new TextEncoder();

/** Keys with this prefix. */
export function grant(prefix: string, verbs: readonly KeyVerb[]): KeyGrant {
  const from = encoder.encode(prefix);
  const to = from.slice();
  to[to.length - 1] = (to.at(-1) ?? 0) + 1;
  return { from, to, verbs };
}

export function roleOf(name: string, grants: readonly KeyGrant[]): Role {
  return { name, grants, admin: [] };
}

/** A token of the user, from a number instead of chance. */
export function tokenFor(user: string, number: number, scope: readonly string[] = []) {
  const bytes = new Uint8Array(TOKEN_BYTES).fill(number);
  const { token: id, digest } = credentialOf(bytes);
  const row = { id, digest, user, scope, expiresAt: 0, note: '' };
  return { bytes, text: tokenText(bytes), row };
}

export const ROOT = tokenFor('root', 1);
export const ENABLE: CatalogCommand = { type: 'enable-access', token: ROOT.row, isForced: true };

export class AccessRig {
  readonly cluster: TestCluster;

  constructor(nodes = 3, shards = 4) {
    this.cluster = new TestCluster({ nodes, shards, seed: 7 });
  }

  get map(): ClusterMap {
    const map = this.cluster.coreOf(1)?.state.map;
    if (map === undefined) throw new Error('node 1 has no map');
    return map;
  }

  /** Until all nodes know of it. Returns the reply. */
  async say(command: CatalogCommand, node = 1) {
    const request = { type: 'command', id: 1, command: encodeCommand(command) } as const;
    const answer = await this.ask(request, node);
    const reply = answer.type === 'commanded' ? decodeReply(answer.reply) : undefined;
    await this.cluster.advance(300);
    return reply;
  }

  /** A request of the node itself. */
  async ask(request: Request, node = 1): Promise<Response> {
    let answer: Response | undefined;
    const respond = (response: Response) => {
      answer = response;
    };
    this.cluster.coreOf(node)?.ask(request, { respond });
    for (let step = 0; step < 100 && answer === undefined; step++) await this.cluster.advance(20);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  /** The user with one role that has these grants, and its token. */
  async user(name: string, number: number, grants: readonly KeyGrant[]) {
    const token = tokenFor(name, number);
    await this.say({ type: 'put-role', role: roleOf(`${name}-role`, grants) });
    await this.say({ type: 'put-user', user: { name, roles: [`${name}-role`] } });
    await this.say({ type: 'put-token', token: token.row });
    return token;
  }

  client(token?: string): Promise<Client> {
    return this.cluster.connect(token === undefined ? {} : { token });
  }
}
