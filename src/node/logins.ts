/**
 * Exchanges passwords for tokens. The node that is asked checks the password by its own map, has
 * the slow hash computed elsewhere, and has the catalog add the token.
 *
 * An answer tells nothing of users: a user that is not there, or has no password, costs the same
 * hash and gets the same answer as a wrong password.
 */

import { NO_ACCESS, passwordOf, userNamed } from '../access/access-table.ts';
import { LOGIN_LIMITS } from '../access/limits.ts';
import { NO_PASSWORD, type PasswordAnswer, type PasswordRow } from '../access/password.ts';
import { credentialOf, TOKEN_BYTES } from '../access/token.ts';
import { isSameDigest } from '../base/sha256.ts';
import { type CatalogRefusal, decodeReply, encodeCommand } from '../catalog/command.ts';
import type { Responder } from '../shard/responder.ts';
import type { Request } from '../wire/request.ts';
import type { Failure, Response } from '../wire/response.ts';
import type { Audit } from './audit.ts';
import { AUDIT_NODE_LIMITS } from './limits.ts';
import { type LoginAttempt, LoginLimiter } from './login-limiter.ts';
import type { LoginPorts } from './node-core-options.ts';
import type { NodeState } from './node-state.ts';
import type { Asked, Router } from './router.ts';

interface LoginsOptions {
  /** Undefined: nothing is audited. */
  readonly audit?: Pick<Audit, 'admitsLogins' | 'beginLogin' | 'login'> | undefined;
  readonly node: Pick<NodeState, 'map' | 'now' | 'wall'>;
  readonly router: Pick<Router, 'route'>;
  /** Undefined: this node exchanges no passwords. */
  readonly ports: LoginPorts | undefined;
}

/** A request without its password, which is not kept. */
interface Asking extends Pick<Request & { readonly type: 'login' }, 'id' | 'scope'> {
  readonly attempt: LoginAttempt;
  readonly lifeMilliseconds: number;
  readonly client: Responder;
  /** It tells the audit trail, too. */
  readonly responder: Responder;
  /** What the password is compared with; undefined if there is none. */
  readonly row: PasswordRow | undefined;
}

/** The token is in the catalog; this node is to know it before the client uses it here. */
interface Added {
  readonly version: number;
  readonly until: number;
  readonly responder: Responder;
  readonly response: Response;
}

/** The checks that wait leave about one place a second. */
const FULL_MILLISECONDS = 1000;

export class Logins {
  readonly #options: LoginsOptions;
  readonly #limiter = new LoginLimiter();
  readonly #asking = new Map<number, Asking>();
  #added: readonly Added[] = [];
  #nextId = 1;

  constructor(options: LoginsOptions) {
    this.#options = options;
  }

  login({ request, responder: client }: Asked<'login'>): void {
    const { node, ports, audit } = this.#options;
    const { id, user, scope } = request;
    // Not the request: its password is a view on the whole frame.
    const about = { user, scope };
    const responder: Responder = {
      share: client.share,
      respond: (response) => {
        audit?.login(client, about, response);
        client.respond(response);
      },
    };
    if (audit?.admitsLogins === false) {
      return fail(responder, id, 'audit-unavailable', AUDIT_NODE_LIMITS.auditRetryMilliseconds);
    }
    if (ports === undefined) return fail(responder, id, 'unsupported');
    const table = node.map?.access;
    // A node that has just joined knows no users yet: others do.
    if (node.map === undefined || table?.isHidden === true) return fail(responder, id, 'not-here');
    if (ports.passwords.isFull) {
      return fail(responder, id, 'too-many-logins', FULL_MILLISECONDS);
    }
    const attempt = { user, address: client.address ?? '' };
    const wait = this.#limiter.begin(attempt, node.now);
    if (wait > 0) return fail(responder, id, 'too-many-logins', wait);
    const row = passwordOf(table ?? NO_ACCESS, user);
    const { salt, cost } = row ?? NO_PASSWORD;
    const lifeMilliseconds = request.lifeMilliseconds || LOGIN_LIMITS.lifeMillisecondsDefault;
    const number = this.#nextId;
    this.#nextId += 1;
    this.#asking.set(number, { id, attempt, scope, lifeMilliseconds, client, responder, row });
    ports.passwords.ask({ id: number, password: request.password.slice(), salt, cost });
  }

  /** The hash of a password is known. */
  checked({ id: number, verifier }: PasswordAnswer): void {
    const asking = this.#asking.get(number);
    if (asking === undefined) return;
    this.#asking.delete(number);
    const { client, responder, id, row, attempt, scope } = asking;
    // The time of this comparison does not depend on where they differ.
    const isRight = row !== undefined && isSameDigest(row.verifier, verifier);
    if (!isRight) return fail(responder, id, 'unauthenticated');
    this.#limiter.succeed(attempt);
    // No other client could use the token.
    if (client.share?.isGone === true) return;
    const run = () => this.#add(asking, row);
    const { audit } = this.#options;
    if (audit === undefined) return run();
    const retry = AUDIT_NODE_LIMITS.auditRetryMilliseconds;
    const refuse = () => fail(responder, id, 'audit-unavailable', retry);
    audit.beginLogin(client, { user: attempt.user, scope }, { run, refuse });
  }

  /** Answers those whose tokens this node knows by now, or whose time is over. */
  tick(): void {
    if (this.#added.length === 0) return;
    const { map, now } = this.#options.node;
    const isDue = ({ version, until }: Added) => (map?.version ?? 0) >= version || until <= now;
    const due = this.#added.filter(isDue);
    this.#added = this.#added.filter((one) => !isDue(one));
    for (const { responder, response } of due) responder.respond(response);
  }

  #add({ id, scope, lifeMilliseconds, responder }: Asking, { user, salt }: PasswordRow): void {
    const { node, router, ports } = this.#options;
    const table = node.map?.access ?? NO_ACCESS;
    const roles = userNamed(table, user)?.roles ?? [];
    if (ports === undefined || scope.some((name) => !roles.includes(name))) {
      return fail(responder, id, 'forbidden');
    }
    const bytes = ports.secureBytes(TOKEN_BYTES);
    const { token, digest } = credentialOf(bytes);
    const at = Math.floor(node.wall);
    const expiresAt = at + lifeMilliseconds;
    const row = { id: token, digest, user, scope: [...new Set(scope)], expiresAt, note: 'login' };
    const command = encodeCommand({ type: 'add-login', token: row, salt, at });
    const response: Response = { type: 'logged-in', id, token: bytes, expiresAt };
    const respond = (answer: Response) => this.#answer(answer, { responder, response });
    router.route(
      { type: 'command', id: 1, command },
      { responder: { respond }, isForwarded: false },
    );
  }

  #answer(answer: Response, { responder, response }: Pick<Added, 'responder' | 'response'>): void {
    const { id } = response;
    if (answer.type !== 'commanded') return responder.respond({ ...answer, id });
    const reply = decodeReply(answer.reply);
    if (reply?.type !== 'done') {
      return fail(responder, id, reply === undefined ? 'lost' : failureOf(reply.reason));
    }
    const until = this.#options.node.now + LOGIN_LIMITS.knownMilliseconds;
    this.#added = [...this.#added, { version: reply.version, until, responder, response }];
    this.tick();
  }
}

/** What has changed since the password was checked. */
function failureOf(reason: CatalogRefusal): Failure {
  switch (reason) {
    case 'former-password':
    case 'unknown-user':
      return 'unauthenticated';
    case 'unknown-role':
      return 'forbidden';
    default:
      return 'overloaded';
  }
}

function fail(responder: Responder, id: number, failure: Failure, retryAfterMilliseconds = 0) {
  const about = { time: 0, leader: 0, retryAfterMilliseconds };
  responder.respond({ type: 'failed', id, failure, ...about });
}
