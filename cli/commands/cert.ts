/** `kvctl cert ls|renew|node|client|join`: the certificates of a cluster, as files. */

import { type Call, formatOf } from '../call.ts';
import { configOrDefault } from '../config-file.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { textOption } from '../options.ts';
import { printRows } from '../printers/rows.ts';
import { certificateDays, certificateFolder } from '../secure-cluster.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const COLUMNS = [
  { title: 'NAME' },
  { title: 'KIND' },
  { title: 'USER' },
  { title: 'EXPIRES' },
  { title: 'DAYS', isNumber: true },
  { title: 'HOSTS' },
];

export async function run(call: Call): Promise<Exit> {
  const [action = '', ...names] = call.words;
  switch (action) {
    case 'ls':
      return await list(call);
    case 'renew':
      return await renew(call, names);
    case 'node':
    case 'client':
      return await make(call, action, names);
    case 'join': {
      const { redeem } = await import('../join-client.ts');
      return await redeem(call);
    }
    default:
      throw usageFailure(
        `unknown action ${JSON.stringify(action)}`,
        'use kvctl cert ls, renew, node, client or join',
      );
  }
}

async function list(call: Call): Promise<Exit> {
  const { options, terminal } = call;
  const folder = certificateFolder(options, configOrDefault(options));
  const listed = folder.list().map((one) => {
    const days = Math.floor((one.validTo - Date.now()) / DAY_MILLISECONDS);
    return { ...one, expires: new Date(one.validTo).toISOString().slice(0, 10), days };
  });
  await printRows(terminal, formatOf(call), {
    columns: COLUMNS,
    rows: listed.map(({ name, kind, user = '-', expires, days, hosts }) => {
      const left = days < 0 ? 'expired' : String(days);
      return [name, kind, user, expires, left, hosts.join(' ') || '-'];
    }),
    plain: listed.map(({ name, kind, user = '', expires, days, hosts, fingerprint }) => {
      return { name, kind, user, expires, days, hosts, fingerprint };
    }),
  });
  return EXIT.ok;
}

/** Without names: all but the authority. */
async function renew({ options, terminal }: Call, names: readonly string[]): Promise<Exit> {
  const folder = certificateFolder(options, configOrDefault(options));
  const all = folder.list().filter(({ kind }) => kind !== 'authority');
  const wanted = names.length > 0 ? names : all.map(({ name }) => name);
  const unknown = wanted.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw usageFailure(
      `${folder.path} has no certificate of ${JSON.stringify(unknown)}`,
      'kvctl cert ls lists them. The authority is not renewed: make a new one (docs/TLS.md)',
    );
  }
  const days = certificateDays(options);
  for (const name of wanted) folder.renew(name, { days, isKeyNew: options.newKey === true });
  await terminal.write(`renewed for ${days} days: ${wanted.join(', ') || 'nothing'}\n`);
  terminal.note('copy them to their nodes, which use them within 10 seconds, or at once on SIGHUP');
  return EXIT.ok;
}

async function make(
  { options, terminal }: Call,
  kind: 'node' | 'client',
  names: readonly string[],
): Promise<Exit> {
  const folder = certificateFolder(options, configOrDefault(options));
  const [name = ''] = names;
  if (names.length !== 1) {
    throw usageFailure(`kvctl cert ${kind} takes one name`, `kvctl cert ${kind} NAME`);
  }
  if (folder.has(name)) {
    throw usageFailure(
      `${folder.path} has a certificate of ${name} already`,
      `renew it: kvctl cert renew ${name}`,
    );
  }
  const hosts = textOption(options, 'hosts')?.split(',') ?? [];
  const days = certificateDays(options);
  const user = textOption(options, 'user');
  if (kind === 'node' && user !== undefined) {
    throw usageFailure('the certificate of a node names no user', 'leave --user out');
  }
  folder.make({ name, hosts: kind === 'node' ? hosts : undefined, user, days });
  await terminal.write(`made ${folder.path}/${name}.pem and ${name}.key for ${days} days\n`);
  return EXIT.ok;
}
