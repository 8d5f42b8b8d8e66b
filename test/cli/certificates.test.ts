/** `kvctl init --secure`, `kvctl cert` and `kvctl node join-token`: files, dates, and who signs. */

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { connect, createServer } from 'node:tls';
import { CertificateFolder } from '../../cli/certificate-folder.ts';
import { findConfig } from '../../cli/config-file.ts';
import { signedBy } from '../../cli/join-client.ts';
import { type JoinServer, serveJoin } from '../../cli/join-server.ts';
import { type JoinToken, parseToken, signedBytes, tokenText } from '../../cli/join-token.ts';
import { nodeOptionsOf } from '../../cli/node-options.ts';
import { clientTlsOf } from '../../cli/tls-files.ts';
import { nodeNameIn } from '../../src/certificates/node-name.ts';
import { faultOfTexts } from '../../src/certificates/reading.ts';
import { userNameIn } from '../../src/certificates/user-name.ts';
import { TestAuthority } from '../support/certificates.ts';
import { kvctl } from './called.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'kvctl-certificates-'));
after(() => rmSync(ROOT, { recursive: true, force: true }));
const DAY = 24 * 60 * 60 * 1000;

let count = 0;

/** A folder with a config file of two nodes. */
function siteWith(more: object = {}) {
  count += 1;
  const folder = mkdtempSync(join(ROOT, `${count}-`));
  const config = join(folder, 'cluster.config.json');
  const nodes = [
    { name: 'n1', data: 'd1', listen: '10.0.0.1:7400', insecure: true },
    { name: 'n2', data: 'd2', listen: '0.0.0.0:7400', advertise: 'n2.example:7400' },
  ];
  writeFileSync(config, JSON.stringify({ settings: { shards: 4 }, nodes, ...more }));
  const call = (...words: readonly string[]) => kvctl([...words, '--config', config]);
  const certificate = (name: string) =>
    new X509Certificate(readFileSync(join(folder, 'certs', `${name}.pem`)));
  return { folder, config, call, certificate };
}

test('init --secure makes what the nodes of the file and kvctl need', async () => {
  const { folder, config, call, certificate } = siteWith();
  const { exit, data } = await call('init', '--secure', '--name', 'shop');
  assert.equal(exit, 0);
  assert.match(data.toString(), /made for cluster shop in .*: ca, n1, n2, admin/);
  for (const name of ['ca.key', 'n1.key', 'n2.key', 'admin.key']) {
    assert.equal(statSync(join(folder, 'certs', name)).mode & 0o777, 0o600, name);
  }
  assert.equal(statSync(join(folder, 'certs')).mode & 0o777, 0o700);
  const [n1, n2] = [certificate('n1'), certificate('n2')];
  assert.deepEqual(nodeNameIn(n1.subjectAltName), { cluster: 'shop', name: 'n1' });
  assert.equal(n1.checkIP('10.0.0.1'), '10.0.0.1');
  assert.equal(n2.checkHost('n2.example'), 'n2.example');
  assert.equal(n2.checkIP('0.0.0.0'), undefined);
  assert.equal(nodeNameIn(certificate('admin').subjectAltName), undefined);
  const file = findConfig({ config });
  assert.equal(file?.config.settings.shards, 4, 'what the user wrote stays');
  assert.equal(file?.config.nodes[0]?.isInsecureAllowed, false);
  const texts = nodeOptionsOf({ config, node: 'n1' }).tls?.read();
  assert.ok(texts !== undefined && faultOfTexts(texts, Date.now()) === undefined);
  assert.ok(clientTlsOf({}, file)?.cert !== undefined);
});

test('a repetition adds what is missing, and changes nothing else', async () => {
  const { folder, config, call, certificate } = siteWith();
  await call('init', '--secure');
  const before = [certificate('ca').fingerprint, certificate('n1').fingerprint];
  rmSync(join(folder, 'certs', 'n2.pem'));
  const text = readFileSync(config, 'utf8');
  const { data } = await call('init', '--secure', '--name', 'other');
  assert.match(data.toString(), /made for cluster ringkv in .*: n2\n/);
  assert.deepEqual([certificate('ca').fingerprint, certificate('n1').fingerprint], before);
  assert.equal(readFileSync(config, 'utf8'), text);
  const third = await call('init', '--secure');
  assert.match(third.data.toString(), /exist already/);
  const faulty = await call('init', '--secure', '--name', 'a.b');
  assert.equal(faulty.exit, 2);
});

test('cert ls tells when certificates expire, and renew signs them anew', async () => {
  const { call, certificate } = siteWith();
  await call('init', '--secure', '--days', '20');
  const listed = async () =>
    JSON.parse((await call('cert', 'ls', '-o', 'json')).data.toString()) as readonly {
      readonly name: string;
      readonly kind: string;
      readonly days: number;
    }[];
  const table = await listed();
  assert.deepEqual(
    table.map(({ name, kind, days }) => [name, kind, days]),
    [
      ['ca', 'authority', 3649],
      ['admin', 'client', 19],
      ['n1', 'node', 19],
      ['n2', 'node', 19],
    ],
  );
  const [n1, n2] = [certificate('n1'), certificate('n2')];
  assert.match((await call('cert', 'renew', 'n1', '--days', '90')).data.toString(), /renewed.*n1/);
  const renewed = certificate('n1');
  assert.ok(Math.abs(Date.parse(renewed.validTo) - Date.now() - 90 * DAY) < DAY);
  assert.equal(renewed.subjectAltName, n1.subjectAltName);
  assert.ok(renewed.publicKey.equals(n1.publicKey), 'the same key');
  assert.equal(certificate('n2').fingerprint, n2.fingerprint);
  await call('cert', 'renew', 'n2', '--new-key');
  assert.ok(!certificate('n2').publicKey.equals(n2.publicKey));
  await call('cert', 'renew');
  assert.deepEqual(
    (await listed()).map(({ days }) => days),
    [3649, 364, 364, 364],
  );
  const unknown = await call('cert', 'renew', 'ca');
  assert.equal(unknown.exit, 2);
  assert.match(unknown.notes, /no certificate of "ca"/);
});

test('cert makes certificates of more nodes and clients, and replaces none', async () => {
  const { call, certificate } = siteWith();
  await call('init', '--secure');
  await call('cert', 'node', 'n3', '--hosts', 'n3.example,::1');
  assert.equal(nodeNameIn(certificate('n3').subjectAltName)?.name, 'n3');
  assert.equal(certificate('n3').checkIP('::1'), '::1');
  await call('cert', 'client', 'app');
  assert.equal(nodeNameIn(certificate('app').subjectAltName), undefined);
  const again = await call('cert', 'client', 'n3');
  assert.equal(again.exit, 2);
  assert.match(again.notes, /has a certificate of n3 already/);
  for (const name of ['ca', '../x', '', 'a b']) {
    assert.equal((await call('cert', 'client', name)).exit, 2, name);
  }
  const bare = siteWith();
  assert.match((await bare.call('cert', 'client', 'app')).notes, /has no authority/);
});

test('cert client --user names a user, which lists show and a renewal keeps', async () => {
  const { call, certificate } = siteWith();
  await call('init', '--secure', '--name', 'shop');
  const made = await call('cert', 'client', 'app', '--user', 'ann@example.org');
  assert.equal(made.exit, 0, made.notes);
  const ann = { cluster: 'shop', user: 'ann@example.org' };
  assert.deepEqual(userNameIn(certificate('app').subjectAltName), ann);
  assert.match((await call('cert', 'ls')).data.toString(), /app\tclient\tann@example\.org/);
  const before = certificate('app').fingerprint;
  await call('cert', 'renew', '--new-key');
  assert.notEqual(certificate('app').fingerprint, before);
  assert.deepEqual(userNameIn(certificate('app').subjectAltName), ann);
  assert.equal(userNameIn(certificate('n1').subjectAltName), undefined);
  assert.equal((await call('cert', 'client', 'b', '--user', 'a b')).exit, 2);
  assert.equal((await call('cert', 'node', 'n4', '--user', 'ann')).exit, 2);
});

/** A signing server on loopback, and its folder. */
async function signing(timeoutMilliseconds = 20_000) {
  const { folder, call } = siteWith();
  await call('init', '--secure', '--name', 'shop');
  const certificates = new CertificateFolder(join(folder, 'certs'));
  const server: JoinServer = await serveJoin({
    folder: certificates,
    wanted: { name: 'n9', hosts: ['n9.example'], days: 30 },
    listen: { host: '127.0.0.1', port: 0 },
    timeoutMilliseconds,
  });
  after(() => server.close());
  return { server, token: parseToken(server.token), certificates };
}

test('a token has the key of one newcomer signed, once', async () => {
  const { server, token } = await signing();
  const { cert, ca, key } = await signedBy(token);
  assert.equal(faultOfTexts({ cert, ca, key }, Date.now()), undefined);
  const own = new X509Certificate(cert);
  assert.deepEqual(nodeNameIn(own.subjectAltName), { cluster: 'shop', name: 'n9' });
  assert.equal(own.checkHost('n9.example'), 'n9.example');
  assert.equal(await server.ended, 'signed');
  await assert.rejects(signedBy(token), /was not signed/);
});

test('another secret signs nothing, and some of them end the token', async () => {
  const { server, token } = await signing();
  for (let at = 0; at < 5; at++) {
    const wrong = { ...token, secret: 'x'.repeat(43) };
    await assert.rejects(signedBy(wrong), /the token is not good|connection/);
  }
  assert.equal(await server.ended, 'too-many-failures');
  await assert.rejects(signedBy(token), /was not signed/);
});

test('a token that is not used ends', async () => {
  const { server } = await signing(50);
  assert.equal(await server.ended, 'timeout');
});

test('the secret is sent only to a server of the authority in the token', async () => {
  const heard: string[] = [];
  const strange = new TestAuthority().node('n1');
  const { token, certificates: ours } = await signing();
  const own = join(ours.path, 'ca.pem');
  const { certificates } = await signing();
  const foreign = certificates.serverPair();
  const forged = ours.serverPair();
  const pairs = [
    { cert: strange.cert + strange.ca, key: strange.key },
    { cert: foreign.cert + certificates.authority.cert, key: foreign.key },
    { cert: strange.cert, key: strange.key },
    // The authority is public, so anyone can show its certificate.
    { cert: strange.cert + readFileSync(own, 'utf8'), key: strange.key },
    // Its issuer's name and key id are public, too, so only the signature tells.
    { cert: withFalseSignature(forged.cert) + readFileSync(own, 'utf8'), key: forged.key },
  ];
  for (const pair of pairs) {
    const server = createServer(pair, (socket) => {
      socket.on('data', (bytes) => heard.push(String(bytes)));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await assert.rejects(signedBy({ ...token, port }), /not of the authority in the token/);
    server.close();
  }
  assert.deepEqual(heard, []);
});

/** The answer to a line that a stranger sends. */
function say({ port }: JoinToken, line: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    let said = '';
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(said));
    socket.write(line);
  });
}

function withFalseSignature(cert: string): string {
  const bytes = Buffer.from(cert.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

test('a newcomer has to have the private key of what it has signed', async () => {
  const { token } = await signing();
  const { secret } = token;
  const pairOf = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
  const pem = (key: ReturnType<typeof pairOf>['publicKey']) =>
    key.export({ type: 'spki', format: 'pem' }).toString();
  const [mine, other, odd] = [pairOf('P-256'), pairOf('P-256'), pairOf('P-384')];
  const publicKey = pem(mine.publicKey);
  const by = (key: typeof mine.privateKey, text: string) =>
    sign('sha256', signedBytes({ secret, publicKey: text }), key).toString('base64');
  const requests = [
    { secret, publicKey, signature: by(other.privateKey, publicKey) },
    { secret, publicKey: pem(odd.publicKey), signature: by(odd.privateKey, pem(odd.publicKey)) },
    { secret, publicKey: 'nothing', signature: 'x' },
    { secret },
  ];
  for (const request of requests) {
    const said = await say(token, `${JSON.stringify(request)}\n`);
    assert.match(said, /the token is not good/);
  }
  assert.equal(await say(token, 'x'.repeat(40_000)), '', 'no line, no answer');
});

test('what is no token is refused without being shown', () => {
  const token = { host: 'a', port: 1, authority: 'b', secret: 'geheim', name: 'n' };
  assert.deepEqual(parseToken(` ${tokenText(token)}\n`), token);
  const whole = tokenText(token);
  const { secret: _secret, ...without } = token;
  const cases = ['', 'x', whole.slice(0, -5), `x${whole}`, whole + 'A'.repeat(3000)];
  for (const text of [...cases, tokenText(without as JoinToken)]) {
    assert.throws(
      () => parseToken(text),
      (error: Error) => {
        assert.match(error.message, /this is not a token for joining/);
        assert.doesNotMatch(error.message + JSON.stringify(error), /geheim|ringkv-join-[A-Za-z]/);
        return true;
      },
    );
  }
});

test('kvctl cert join reads the token from its input, and keeps key and certificate', async () => {
  const { token } = await signing();
  const { folder, config } = siteWith();
  const input = new TextEncoder().encode(`${tokenText(token)}\n`);
  const { exit, notes } = await kvctl(['cert', 'join', '--config', config], { input });
  assert.equal(exit, 0, notes);
  assert.doesNotMatch(notes, new RegExp(token.secret));
  const certs = join(folder, 'certs');
  assert.equal(statSync(join(certs, 'n9.key')).mode & 0o777, 0o600);
  assert.ok(existsSync(join(certs, 'ca.pem')) && !existsSync(join(certs, 'ca.key')));
  const again = await kvctl(['cert', 'join', '--config', config], { input });
  assert.match(again.notes, /has a certificate of n9 already; the token was not used/);
});
