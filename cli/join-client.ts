/** `kvctl cert join`: has the key of this machine signed, by a token of `kvctl node join-token`. */

import { createHash, sign, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { newKey } from '../src/certificates/issuing.ts';
import { faultOfTexts } from '../src/certificates/reading.ts';
import type { Call } from './call.ts';
import { configOrDefault } from './config-file.ts';
import { EXIT, type Exit } from './exit-codes.ts';
import { CliFailure, usageFailure } from './failure.ts';
import { readLine } from './join-server.ts';
import { isText, type JoinToken, parseToken, signedBytes, textsIn } from './join-token.ts';
import { textOption } from './options.ts';
import { readPrivate } from './private-file.ts';
import { certificateFolder } from './secure-cluster.ts';

const TIMEOUT_MILLISECONDS = 10_000;

export async function redeem(call: Call): Promise<Exit> {
  const { options, terminal } = call;
  const token = parseToken(await tokenOf(call));
  const { name } = token;
  const folder = certificateFolder(options, configOrDefault(options));
  if (folder.has(name)) {
    throw usageFailure(
      `${folder.path} has a certificate of ${name} already; the token was not used`,
      'use another folder: --certs',
    );
  }
  const { cert, ca, key } = await signedBy(token);
  folder.keep(name, { cert, key });
  folder.keepAuthority(ca);
  await terminal.write(`made ${name}.key, ${name}.pem and ca.pem in ${folder.path}\n`);
  const file = (base: string) => `${folder.path}/${base}`;
  terminal.note(
    `start the node: kvctl start --tls-ca ${file('ca.pem')} --tls-cert ${file(`${name}.pem`)} ` +
      `--tls-key ${file(`${name}.key`)} --join HOST:PORT`,
  );
  return EXIT.ok;
}

/** Arguments are visible to other users of the machine, so the token is not one. */
async function tokenOf({ options, input }: Call): Promise<string> {
  const path = textOption(options, 'tokenFile');
  if (path === undefined) return new TextDecoder().decode(await input());
  return readPrivate(resolve(path), { what: 'the token', hint: 'check the path in --token-file' });
}

/** Fails before the secret is sent, unless the authority of the token vouches for the server. */
export async function signedBy(
  token: JoinToken,
): Promise<{ readonly cert: string; readonly ca: string; readonly key: string }> {
  const { key, publicKey } = newKey();
  const { secret } = token;
  const bytes = signedBytes({ secret, publicKey });
  const signature = sign('sha256', bytes, key).toString('base64');
  const answer = textsIn(await ask(token, `${JSON.stringify({ secret, publicKey, signature })}\n`));
  const { cert, ca, error } = answer ?? {};
  if (!isText(cert) || !isText(ca)) throw refused(isText(error) ? error : 'no valid answer');
  const fault = faultOfTexts({ cert, ca, key }, Date.now());
  const isPinned = fingerprintOf(new X509Certificate(ca).raw) === token.authority;
  if (fault !== undefined || !isPinned) throw refused(fault ?? 'another authority has answered');
  return { cert, ca, key };
}

function ask({ host, port, authority }: JoinToken, line: string): Promise<Uint8Array> {
  return new Promise((resolveLine, reject) => {
    // The authority is not known before: `isVouchedFor` compares it with the token.
    const socket = connect({ host, port, minVersion: 'TLSv1.3', rejectUnauthorized: false });
    const fail = (text: string) => {
      socket.destroy();
      reject(refused(text));
    };
    socket.setTimeout(TIMEOUT_MILLISECONDS, () => fail('no answer in time'));
    socket.once('error', ({ message }) => fail(message));
    socket.once('close', () => fail('the connection was closed'));
    socket.once('secureConnect', () => {
      if (!isVouchedFor(socket, authority)) {
        return fail('the server is not of the authority in the token; nothing was sent to it');
      }
      readLine(socket, resolveLine);
      socket.write(line);
    });
  });
}

/** The server's certificate is signed by the very certificate whose digest the token has. */
function isVouchedFor(socket: TLSSocket, authority: string): boolean {
  const { issuerCertificate } = socket.getPeerCertificate(true);
  const own = socket.getPeerX509Certificate();
  if (own === undefined || issuerCertificate?.raw === undefined) return false;
  if (fingerprintOf(issuerCertificate.raw) !== authority) return false;
  const issuer = new X509Certificate(issuerCertificate.raw);
  return own.checkIssued(issuer) && own.verify(issuer.publicKey) && !own.ca;
}

function fingerprintOf(raw: Uint8Array): string {
  return createHash('sha256').update(raw).digest('hex');
}

function refused(what: string): CliFailure {
  return new CliFailure({
    code: 'unavailable',
    exit: EXIT.refused,
    message: `the key was not signed: ${what}`,
    hint: 'a token is good once, and while kvctl node join-token runs; ask for another one',
  });
}
