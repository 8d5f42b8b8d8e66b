/** Passwords that are exchanged for tokens: what is answered, and what an answer does not tell. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { LOGIN_LIMITS, PASSWORD_LIMITS } from '../../src/access/limits.ts';
import { PASSWORD_COST, type PasswordRow, passwordBytes } from '../../src/access/password.ts';
import { hexOf, tokenText } from '../../src/access/token.ts';
import { decodeCommand, encodeReply } from '../../src/catalog/command.ts';
import { Logins } from '../../src/node/logins.ts';
import type { Router } from '../../src/node/router.ts';
import { ModelPasswords, modelVerifier } from '../../src/testkit/model-passwords.ts';
import { VirtualTime } from '../../src/testkit/virtual-time.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { founded, type Rig } from '../catalog/rows.ts';
import { AccessRig, ENABLE, ROOT } from './access-rig.ts';

const PASSWORD = 'correct horse';

function passwordRow(user: string, text = PASSWORD, number = 7): PasswordRow {
  const terms = { salt: new Uint8Array(16).fill(number), cost: PASSWORD_COST };
  return { user, ...terms, verifier: modelVerifier(passwordBytes(text), terms) };
}

type Login = Request & { readonly type: 'login' };

function loginOf(user: string, password = PASSWORD, more: Partial<Login> = {}): Login {
  const about = { lifeMilliseconds: 0, scope: [], ...more };
  return { type: 'login', id: 5, user, password: passwordBytes(password), ...about };
}

/** One node's logins, over a catalog that is applied at once. */
class Stage {
  readonly catalog: Rig = founded(2, { shards: 2 });
  readonly time = new VirtualTime();
  readonly passwords: ModelPasswords;
  readonly logins: Logins;
  /** Texts of commands, as they were proposed. */
  readonly proposed: string[] = [];
  /** The node learns of no change any more. */
  isBlind = false;
  #known = this.catalog.map;

  constructor() {
    const stage = this;
    const onAnswer: ConstructorParameters<typeof ModelPasswords>[0]['onAnswer'] = (answer) => {
      this.logins.checked(answer);
    };
    this.passwords = new ModelPasswords({ time: this.time, onAnswer });
    const node = {
      get map() {
        if (!stage.isBlind) stage.#known = stage.catalog.map;
        return stage.#known;
      },
      get now() {
        return stage.time.now;
      },
      get wall() {
        return 1_000_000.5 + stage.time.now;
      },
    };
    let drawn = 100;
    const secureBytes = (length: number) => {
      drawn += 1;
      return new Uint8Array(length).fill(drawn);
    };
    const router: Pick<Router, 'route'> = {
      route: (request, { responder }) => {
        if (request.type !== 'command') throw new Error('a command');
        const decoded = decodeCommand(request.command);
        if (decoded.type !== 'known') throw new Error('a known command');
        this.proposed.push(decoded.command.type);
        const reply = encodeReply(this.catalog.say(decoded.command));
        responder.respond({ type: 'commanded', id: request.id, reply });
      },
    };
    const ports = { passwords: this.passwords, secureBytes };
    this.logins = new Logins({ node, router, ports });
    this.catalog.mustSay({ ...ENABLE, isForced: false } as typeof ENABLE);
    for (const name of ['ann', 'bob']) {
      this.catalog.mustSay({ type: 'put-user', user: { name, roles: ['reader', 'writer'] } });
    }
    this.set('ann', passwordRow('ann'));
  }

  set(user: string, password: PasswordRow | undefined, endsLogins = false): void {
    this.catalog.mustSay({ type: 'put-password', user, password, endsLogins });
  }

  /** The answers so far, with a tick behind each turn. */
  ask(request: Login, host = '10.0.0.1'): Response[] {
    const address = `${host}:${50_000 + this.proposed.length}`;
    const answers: Response[] = [];
    const respond = (response: Response) => void answers.push(response);
    this.logins.login({ request, responder: { respond, address }, isForwarded: false });
    return answers;
  }

  answered(request: Login, host?: string): Response {
    const answers = this.ask(request, host);
    for (let step = 0; step < 100 && answers.length === 0; step++) {
      this.time.runUntil(this.time.now + 100);
      this.logins.tick();
    }
    const [answer] = answers;
    ok(answer !== undefined && answers.length === 1, 'one answer');
    equal(answer.id, request.id);
    return answer;
  }

  failure(request: Login, host?: string): string {
    const answer = this.answered(request, host);
    return answer.type === 'failed' ? answer.failure : answer.type;
  }

  get access() {
    const { access } = this.catalog.map;
    ok(access !== undefined);
    return access;
  }
}

test('the right password is exchanged for a token that ends, with all roles of its user', () => {
  const stage = new Stage();
  const answer = stage.answered(loginOf('ann'));
  ok(answer.type === 'logged-in');
  const [login] = stage.access.logins;
  equal(login?.user, 'ann');
  equal(hexOf(login?.id ?? ROOT.bytes), tokenText(answer.token).split('.')[0]);
  equal(answer.expiresAt, login?.expiresAt);
  equal(answer.expiresAt, 1_000_100 + LOGIN_LIMITS.lifeMillisecondsDefault);
  deepEqual(login?.scope, []);
  equal(stage.access.tokens.length, 1, 'it takes no place of the tokens of administrators');
});

test('it lives as long as was asked, with the roles that were asked', () => {
  const stage = new Stage();
  const scope = ['reader'];
  const answer = stage.answered(loginOf('ann', PASSWORD, { lifeMilliseconds: 60_000, scope }));
  ok(answer.type === 'logged-in');
  equal(answer.expiresAt, 1_000_100 + 60_000);
  deepEqual(stage.access.logins[0]?.scope, scope);
  equal(stage.failure(loginOf('ann', PASSWORD, { scope: ['root'] })), 'forbidden');
  equal(stage.access.logins.length, 1);
});

test('an answer does not tell why: wrong, unknown, without a password, or a part of it', () => {
  const stage = new Stage();
  const wrong = [
    loginOf('ann', 'correct hors'),
    loginOf('ann', 'correct horse '),
    loginOf('nemo'),
    loginOf('bob'),
    loginOf(''),
    loginOf('ann', ''),
  ];
  const answers = wrong.map((request, at) => stage.answered(request, `10.0.0.${at}`));
  for (const answer of answers) {
    deepEqual(answer, { ...answers[0] });
    ok(answer.type === 'failed' && answer.failure === 'unauthenticated');
  }
  equal(stage.passwords.computed, wrong.length, 'each of them cost a hash');
  deepEqual(stage.proposed, []);
});

test('the whole hash counts: neither a part of it nor one that could not be computed', () => {
  const stage = new Stage();
  const { verifier } = passwordRow('ann');
  const last = verifier.slice();
  last[31] = (last[31] ?? 0) ^ 1;
  const wrong = [new Uint8Array(0), verifier.slice(0, 31), last];
  for (const [at, hash] of wrong.entries()) {
    const answers = stage.ask(loginOf('ann'), `10.0.3.${at}`);
    // The numbers of questions begin with 1.
    stage.logins.checked({ id: at + 1, verifier: hash });
    ok(answers[0]?.type === 'failed' && answers[0].failure === 'unauthenticated');
  }
  stage.logins.checked({ id: 99, verifier });
  deepEqual(stage.proposed, [], 'nothing was asked under that number');
});

test('who fails waits, and learns how long; the right password is not checked before', () => {
  const stage = new Stage();
  for (let count = 0; count < LOGIN_LIMITS.failuresFree; count++) {
    equal(stage.failure(loginOf('ann', 'wrong')), 'unauthenticated');
  }
  const { computed } = stage.passwords;
  const refused = stage.answered(loginOf('ann'));
  ok(refused.type === 'failed' && refused.failure === 'too-many-logins');
  ok(refused.retryAfterMilliseconds > 0);
  ok(refused.retryAfterMilliseconds <= LOGIN_LIMITS.waitMillisecondsMin);
  equal(stage.passwords.computed, computed);
  equal(stage.failure(loginOf('ann'), '10.9.9.9'), 'logged-in', 'from elsewhere it may');
  stage.time.runUntil(stage.time.now + refused.retryAfterMilliseconds);
  equal(stage.failure(loginOf('ann')), 'logged-in');
});

test('successes count for their address: a user makes no tokens as fast as hashes', () => {
  const stage = new Stage();
  const ends = Array.from({ length: 30 }, () => stage.failure(loginOf('ann')));
  const made = ends.filter((end) => end === 'logged-in').length;
  // Each takes 100 ms.
  ok(made >= LOGIN_LIMITS.addressAttempts && made <= LOGIN_LIMITS.addressAttempts + 2, `${made}`);
});

test('as many checks wait as may; the next is refused and costs nothing', () => {
  const stage = new Stage();
  const { checksAtOnce, checksWaitingMax } = PASSWORD_LIMITS;
  const all = Array.from({ length: checksAtOnce + checksWaitingMax }, (_, at) => {
    return stage.ask(loginOf(`u${at}`), `10.0.1.${at}`);
  });
  ok(all.every(({ length }) => length === 0));
  const [over] = stage.ask(loginOf('ann'), '10.0.2.1');
  ok(over?.type === 'failed' && over.failure === 'too-many-logins');
  ok(over.retryAfterMilliseconds > 0);
});

test('a password that is changed while it is checked makes no token', () => {
  const stage = new Stage();
  const answers = stage.ask(loginOf('ann'));
  stage.isBlind = true;
  // The node that checks it does not know yet.
  stage.set('ann', passwordRow('ann', 'another one', 8), true);
  stage.time.runUntil(stage.time.now + 1000);
  ok(answers[0]?.type === 'failed' && answers[0].failure === 'unauthenticated');
  deepEqual(stage.proposed, ['add-login']);
  equal(stage.access.logins.length, 0);
});

test('the answer waits until its node knows the token, but not for ever', () => {
  const stage = new Stage();
  const answers = stage.ask(loginOf('ann'));
  stage.isBlind = true;
  stage.time.runUntil(stage.time.now + 200);
  stage.logins.tick();
  equal(stage.access.logins.length, 1);
  equal(answers.length, 0);
  stage.isBlind = false;
  stage.logins.tick();
  equal(answers[0]?.type, 'logged-in');
  stage.isBlind = true;
  const later = stage.ask(loginOf('ann'));
  stage.time.runUntil(stage.time.now + 200 + LOGIN_LIMITS.knownMilliseconds);
  stage.logins.tick();
  equal(later[0]?.type, 'logged-in');
});

test('a node that does not know the users sends the client on, or has no port to hashes', () => {
  const stage = new Stage();
  const answers: Response[] = [];
  const responder = { respond: (response: Response) => void answers.push(response) };
  const router = { route: () => {} };
  const { map } = stage.catalog;
  const hidden = { ...map, access: { ...stage.access, isHidden: true } };
  const ports = { passwords: stage.passwords, secureBytes: () => new Uint8Array(40) };
  const request = loginOf('ann');
  for (const one of [hidden, undefined]) {
    const node = { map: one, now: 0, wall: 0 };
    new Logins({ node, router, ports }).login({ request, responder, isForwarded: false });
  }
  const node = { map, now: 0, wall: 0 };
  const without = new Logins({ node, router, ports: undefined });
  without.login({ request, responder, isForwarded: false });
  const failures = answers.map((answer) => answer.type === 'failed' && answer.failure);
  deepEqual(failures, ['not-here', 'not-here', 'unsupported']);
});

test('in a cluster: any node exchanges it, and all know the token', async () => {
  const rig = new AccessRig();
  await rig.say(ENABLE);
  const root = await rig.client(ROOT.text);
  await root.set('a/1', 1);
  await rig.say({ type: 'put-user', user: { name: 'ann', roles: ['reader'] } });
  const password = passwordRow('ann');
  await rig.say({ type: 'put-password', user: 'ann', password, endsLogins: false });
  for (const node of [1, 2, 3]) {
    const answers: Response[] = [];
    const respond = (response: Response) => void answers.push(response);
    const responder = { respond, isClient: true, address: '10.0.0.1' };
    rig.cluster.coreOf(node)?.ask(loginOf('ann'), responder);
    while (answers.length === 0) await rig.cluster.advance(20);
    const [answer] = answers;
    ok(answer?.type === 'logged-in', `node ${node}`);
    await rig.cluster.advance(300);
    const ann = await rig.client(tokenText(answer.token));
    equal((await ann.get('a/1'))?.value, 1);
    await rejects(ann.set('a/1', 2), { code: 'forbidden' });
  }
  equal(rig.map.access?.logins.length, 3);
  await rig.say({ type: 'put-password', user: 'ann', password: undefined, endsLogins: true });
  equal(rig.map.access?.logins.length, 0);
  await rig.cluster.close();
});
