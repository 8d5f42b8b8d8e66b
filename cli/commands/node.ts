/** `kvctl node drain|undrain|remove NODE`: sets the goal for a node in the catalog. */

import type { ClusterMap, NodeMembership, NodeRow } from '../../src/catalog/cluster-map.ts';
import { parseHostAndPort } from '../../src/runtime/listen-address.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure, usageFailure } from '../failure.ts';
import { inspect } from '../inspect.ts';
import { durationOption, textOption } from '../options.ts';
import { progressOn } from '../printers/progress.ts';
import type { Store } from '../store.ts';

const ACTIONS: Readonly<Record<string, NodeMembership>> = {
  drain: 'draining',
  undrain: 'active',
  remove: 'removing',
};

const JOIN_LISTEN = '127.0.0.1:7499';
const PAUSE_MILLISECONDS = 200;
const WAIT_MILLISECONDS = 600_000;

export async function run(call: Call): Promise<Exit> {
  const { terminal, words, options } = call;
  const [action = '', name = ''] = words;
  if (action === 'join-token') return await offerJoin(call, name);
  const membership = ACTIONS[action];
  if (membership === undefined) {
    throw usageFailure(
      `unknown node action ${JSON.stringify(action)}`,
      'use kvctl node drain, undrain, remove or join-token, and the name of the node',
    );
  }
  const store = await call.store();
  const map = await store.map();
  const row = rowNamed(map, name);
  const node = row?.node ?? removedNumber(map, name);
  if (node === undefined) throw unknownNode(map, name);
  if (row !== undefined) {
    await store.setMembership({ node, membership, isForced: options.force === true });
  }
  const isWaiting = options.wait === true && membership !== 'active';
  const left = isWaiting ? await awaitDone(call, store, { node, membership }) : undefined;
  const isGone = (await store.map()).nodes.every((one) => one.node !== node);
  const state = isGone ? 'removed' : membership;
  if (formatOf(call) === 'json') {
    await terminal.write(`${JSON.stringify({ node, name: row?.name ?? '', state })}\n`);
  } else {
    await terminal.write(`${stateText(node, row?.name ?? '', state)}\n`);
  }
  if (left === undefined) return EXIT.ok;
  terminal.note(`not yet done: ${left}. The cluster continues; kvctl status shows the progress`);
  return EXIT.timeout;
}

/** Only the token goes to standard output, so that it can be piped. */
async function offerJoin({ terminal, options }: Call, name: string): Promise<Exit> {
  const { configOrDefault } = await import('../config-file.ts');
  const { certificateDays, certificateFolder } = await import('../secure-cluster.ts');
  const { serveJoin } = await import('../join-server.ts');
  const text = textOption(options, 'listen') ?? JOIN_LISTEN;
  const listen = parseHostAndPort(text);
  if (listen === undefined) {
    throw usageFailure(`--listen is ${JSON.stringify(text)}`, 'use host:port, as newcomers see it');
  }
  const hosts = textOption(options, 'hosts')?.split(',') ?? [];
  const wanted = { name, hosts, days: certificateDays(options) };
  const folder = certificateFolder(options, configOrDefault(options));
  const timeoutMilliseconds = durationOption(options, 'timeout') ?? WAIT_MILLISECONDS;
  const server = await serveJoin({ folder, wanted, listen, timeoutMilliseconds });
  await terminal.write(`${server.token}\n`);
  terminal.note(
    `on the new machine: kvctl cert join < TOKEN-FILE, within ${timeoutMilliseconds} ms`,
  );
  const end = await server.ended;
  if (end === 'signed') {
    terminal.note(`the key of ${name} was signed; the token is used up`);
    return EXIT.ok;
  }
  terminal.note(`no key was signed (${end}); the token is no longer good`);
  return end === 'timeout' ? EXIT.timeout : EXIT.refused;
}

/** Finds a node by its number or by its configured name. */
function rowNamed({ nodes }: ClusterMap, name: string): NodeRow | undefined {
  const numbered = nodes.find((row) => {
    return name === String(row.node) || name === `${row.name}#${row.node}`;
  });
  if (numbered !== undefined) return numbered;
  const named = nodes.filter((row) => row.name === name);
  // A node that lost its folder shares its name with its replacement, and is already removing.
  return named.find(({ membership }) => membership !== 'removing') ?? named[0];
}

/** The number of a node that was removed earlier: removing it again succeeds. */
function removedNumber({ nextNode }: ClusterMap, name: string): number | undefined {
  const number = /^[1-9]\d{0,15}$/.test(name) ? Number(name) : 0;
  return number > 0 && number < nextNode ? number : undefined;
}

function unknownNode({ nodes }: ClusterMap, name: string): CliFailure {
  const known = nodes.map((row) => (row.name === '' ? `${row.node}` : `${row.node} (${row.name})`));
  return new CliFailure({
    code: 'unknown-node',
    exit: EXIT.no,
    message: `no node of the cluster has the name or number ${JSON.stringify(name)}`,
    hint: `the nodes are ${known.join(', ')}; see kvctl nodes`,
  });
}

function stateText(node: number, name: string, state: NodeMembership | 'removed'): string {
  const who = name === '' ? `node ${node}` : `node ${node} (${name})`;
  switch (state) {
    case 'active':
      return `${who} is active again`;
    case 'draining':
      return `${who} is being drained: leadership and replicas move to other nodes`;
    case 'removing':
      return `${who} is being removed: it exits once it has no replicas`;
    default:
      return `${who} is removed`;
  }
}

/** Whether the placement goals account for the drain: no replica moves before that. */
async function isAimed(store: Store, node: number): Promise<boolean> {
  const { nodes } = await store.map();
  const basis = nodes.find((row) => row.node === node)?.basis;
  return basis === undefined || basis.isDrained;
}

/** Undefined once it is done; otherwise what is left at the timeout. */
async function awaitDone(
  call: Call,
  store: Store,
  { node, membership }: { readonly node: number; readonly membership: NodeMembership },
): Promise<string | undefined> {
  const timeout = durationOption(call.options, 'timeout') ?? WAIT_MILLISECONDS;
  const until = Date.now() + timeout;
  const progress = progressOn(call.terminal, `waiting for node ${node}`);
  for (;;) {
    const { nodes, shards, moves } = await inspect(store);
    const row = nodes.find((one) => one.node === node);
    if (row === undefined) return undefined;
    const led = shards.filter(({ leaderNode }) => leaderNode === node).length;
    const held = shards.filter(({ voters }) => voters.includes(node)).length;
    const isMoving = moves.some(({ from, to }) => from === node || to === node);
    const isQuiet = led === 0 && !isMoving && (await isAimed(store, node));
    if (membership === 'draining' && isQuiet) return undefined;
    const blocked = moves.find(({ waitsFor }) => waitsFor !== '')?.waitsFor;
    const text = `it leads ${led} shards and has replicas of ${held} shards`;
    const left = blocked === undefined ? text : `${text}; ${blocked}`;
    if (Date.now() >= until) return left;
    progress.tell(left);
    await new Promise((resume) => setTimeout(resume, PAUSE_MILLISECONDS));
  }
}
