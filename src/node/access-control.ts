/**
 * Who the clients are, and what they may do: asked for each request of a client, where it arrives
 * and again where it is served. A cluster without access control asks nothing.
 */

import {
  type AccessTable,
  NO_ACCESS,
  passwordOf,
  roleNamed,
  type TokenRow,
} from '../access/access-table.ts';
import {
  isExpired,
  isLogin,
  isSamePrincipal,
  type Principal,
  permits,
} from '../access/principal.ts';
import { Principals } from '../access/principals.ts';
import { BUILT_IN_ROLES, type KeyGrant, type Role } from '../access/role.ts';
import { credentialOf, hexOf } from '../access/token.ts';
import { limitsOf, limitText } from '../access/user-limits.ts';
import type { FlowGroup } from '../shard/fair-queue.ts';
import type { ClientClose } from '../transport/transport.ts';
import type { ClientHello } from '../wire/hello.ts';
import type { Request } from '../wire/request.ts';
import type { Failure } from '../wire/response.ts';
import type { ConnectedClient } from './clients.ts';
import { isJoin, needsOf } from './needs.ts';
import type { NodeState } from './node-state.ts';
import type { Source } from './router.ts';
import type { UserUse } from './user-use.ts';

type Bearer =
  | { readonly type: 'forward-as'; readonly token: Uint8Array }
  | { readonly type: 'forward-for'; readonly user: string };

type Node = Pick<NodeState, 'map' | 'wall' | 'isCertified' | 'clients' | 'transport' | 'fair'>;

export class AccessControl {
  readonly #node: Node;
  /** By which all clients were identified last. A hidden copy has the version of the whole one. */
  #known: Pick<AccessTable, 'version' | 'isHidden' | 'isEnabled'> = NO_ACCESS;
  #found = new Principals(NO_ACCESS);

  constructor(node: Node) {
    this.#node = node;
  }

  /**
   * A client has said hello. Of its token only a digest is kept. A token, be it valid or not, is
   * what counts: its client chose it, and perhaps for having fewer rights. Returns why the client
   * was closed.
   */
  identify(client: ConnectedClient, hello: ClientHello): string | undefined {
    if (hello.type === 'bearer') client.credential = credentialOf(hello.token);
    client.principal = this.#principalOf(client);
    // Nothing that it sends is served.
    return this.#admit(client, 'limited');
  }

  /**
   * Counts a client as one of its user, or closes it if it is one too many, and returns why. An
   * administrator has as many as it likes, so that limits never keep it out.
   */
  #admit(client: ConnectedClient, kind: ClientClose): string | undefined {
    const { clients, fair } = this.#node;
    const { principal } = client;
    if (!this.#table.isEnabled || principal === undefined) return undefined;
    const use = clients.users.of(principal.user, this.#table);
    if (principal.admin.size === 0 && !use.admitsConnection()) {
      const text = limitText('connections', use.limits.connections);
      this.#close(client, text, kind);
      return text;
    }
    // What it has asked for holds portions of its present group.
    if (client.isIdle) fair.regroup(client.share, use.group);
    client.countFor(use);
    return undefined;
  }

  /** Whose requests another node forwards; undefined without access control. */
  groupOf(bearer: Bearer): FlowGroup | undefined {
    const principal = this.#table.isEnabled ? this.bearerOf(bearer) : undefined;
    return principal && this.#node.clients.users.of(principal.user, this.#table).group;
  }

  /** Undefined: it may be served. */
  objectionTo(request: Request, source: Source): Failure | undefined {
    const table = this.#node.map?.access;
    const { responder, isForwarded, accessVersion } = source;
    if (table?.isEnabled !== true || responder.isClient !== true) return undefined;
    const failure = this.#judge(request, responder.principal);
    // A node that has just joined does not know any users yet: others do.
    if (failure !== undefined && table.isHidden) return 'not-here';
    if (failure === undefined || !isForwarded || accessVersion === table.version) return failure;
    // One of the two nodes lacks what the other knows: the client asks again, a little later.
    return accessVersion === undefined || accessVersion > table.version ? 'not-here' : failure;
  }

  /** Who a forwarded request is from: another node has seen the token, or the certificate. */
  bearerOf(bearer: Bearer): Principal | undefined {
    const { wall } = this.#node;
    if (bearer.type === 'forward-as') return this.#principals.of(bearer.token, wall);
    return this.#principals.named({ user: bearer.user, expiresAt: 0 }, wall);
  }

  /**
   * Rights have changed, or the time of a token is over: a client that is another user now, or may
   * do something else, is disconnected, so nothing that it has open outlives its rights.
   */
  tick(): void {
    const { clients, wall } = this.#node;
    const { version, isEnabled, isHidden } = this.#table;
    const isNews = version !== this.#known.version || isHidden !== this.#known.isHidden;
    const isBegun = isEnabled && !this.#known.isEnabled;
    this.#known = { version, isHidden, isEnabled };
    if (!isNews && !isEnabled) return;
    if (isNews) clients.users.learn(this.#table);
    for (const client of clients.all()) {
      const { principal } = client;
      const isOver = principal !== undefined && isExpired(principal, wall);
      if (isNews || isOver) this.#identifyAgain(client, isBegun);
    }
    if (isNews) this.#closeExcess();
  }

  /** Limits may have become lower: the oldest connections stay. */
  #closeExcess(): void {
    const { clients } = this.#node;
    const counts = new Map<UserUse, number>();
    for (const client of clients.all()) {
      const { use, principal } = client;
      if (use === undefined || principal === undefined || principal.admin.size > 0) continue;
      const { connections: allowed } = use.limits;
      const count = (counts.get(use) ?? 0) + 1;
      counts.set(use, count);
      if (allowed > 0 && count > allowed) this.#close(client, limitText('connections', allowed));
    }
  }

  /** By default its requests may have been served. */
  #close({ connection }: ConnectedClient, text: string, kind?: ClientClose): void {
    const { clients, transport } = this.#node;
    clients.remove(connection);
    transport.closeClient(connection, text, kind);
  }

  /** `isBegun`: access control is enabled since the last time. */
  #identifyAgain(client: ConnectedClient, isBegun: boolean): void {
    const before = client.principal;
    client.principal = this.#principalOf(client);
    // What anyone could open before may be more than its user, if it has one, may have.
    const hasOpen = isBegun && !client.isIdle;
    const isOther = before !== undefined && !isSamePrincipal(before, client.principal);
    if (hasOpen || isOther) return this.#close(client, 'the rights of its user have changed');
    if (client.use === undefined) this.#admit(client, 'dismissed');
  }

  /** What the client may know of itself, or an administrator of all. */
  report(what: 'self' | 'table', principal: Principal | undefined): object {
    const { isEnabled, version, roles, users, tokens, logins, limited } = this.#table;
    if (what === 'self') {
      const isKnown = principal !== undefined;
      const names = principal?.roles ?? [];
      const held = names.flatMap((name) => roleNamed(this.#table, name) ?? []).map(roleText);
      const { user = '', token, expiresAt = 0 } = principal ?? {};
      const id = token === undefined ? '' : hexOf(token);
      const isOfLogin = token !== undefined && isLogin(this.#table, token);
      const own = { user, token: id, isLogin: isOfLogin, limits: limitsOf(limited, user) };
      return { isEnabled, isKnown, ...own, expiresAt, roles: held };
    }
    const textOf = (isLogin: boolean) => {
      return ({ id, user, scope, expiresAt, note }: TokenRow) => {
        return { id: hexOf(id), user, scope, expiresAt, note, isLogin };
      };
    };
    const known = [...tokens.map(textOf(false)), ...logins.map(textOf(true))];
    const all = [...BUILT_IN_ROLES, ...roles].map(roleText);
    const named = users.map((user) => {
      return { ...user, hasPassword: passwordOf(this.#table, user.name) !== undefined };
    });
    return { isEnabled, version, roles: all, users: named, tokens: known, limited };
  }

  get #principals(): Principals {
    const table = this.#table;
    if (this.#found.table !== table) this.#found = new Principals(table);
    return this.#found;
  }

  get #table(): AccessTable {
    return this.#node.map?.access ?? NO_ACCESS;
  }

  #principalOf({ credential, certified }: ConnectedClient): Principal | undefined {
    const { wall } = this.#node;
    if (credential !== undefined) return this.#principals.by(credential, wall);
    return certified && this.#principals.named(certified, wall);
  }

  #judge(request: Request, principal: Principal | undefined): Failure | undefined {
    // The router checks the certificate of a node that joins.
    const needs = this.#node.isCertified && isJoin(request) ? 'anyone' : needsOf(request);
    if (needs === 'anyone') return undefined;
    if (needs === 'nodes-only') return principal === undefined ? 'unauthenticated' : 'forbidden';
    if (principal === undefined || isExpired(principal, this.#node.wall)) return 'unauthenticated';
    if (needs === 'known') return undefined;
    return needs.every((need) => permits(principal, need)) ? undefined : 'forbidden';
  }
}

/** Keys as text where they are text, for JSON. */
function roleText({ name, grants, admin }: Role): object {
  const decoder = new TextDecoder('latin1');
  const grantText = ({ from, to, verbs }: KeyGrant) => {
    return { from: decoder.decode(from), to: decoder.decode(to), verbs };
  };
  return { name, grants: grants.map(grantText), admin };
}
