/** `kvctl audit verify|show PATH`: verifies the chain of an audit trail, or prints its lines. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileNumber } from '../../src/audit/chain.ts';
import { inOrder, type TrailVerdict, Verification } from '../../src/audit/verification.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure, usageFailure } from '../failure.ts';
import { durationOf, textOption } from '../options.ts';
import { type Column, tableOf } from '../printers/table.ts';

export async function run(call: Call): Promise<Exit> {
  const [action = '', path = ''] = call.words;
  if (action !== 'verify' && action !== 'show') {
    throw usageFailure(
      `unknown audit action ${JSON.stringify(action)}`,
      'use kvctl audit verify or show, and the folder of the trail',
    );
  }
  const trail = filesAt(path);
  return action === 'verify' ? await verify(call, trail) : await show(call, trail);
}

interface TrailPath {
  readonly folder: string;
  readonly names: readonly string[];
  /** A file alone may begin in the middle: what is in front of it is not asked. */
  readonly isPart: boolean;
}

function filesAt(path: string): TrailPath {
  try {
    if (!statSync(path).isDirectory()) {
      return { folder: dirname(path), names: [basename(path)], isPart: true };
    }
    const names = readdirSync(path).filter((name) => fileNumber(name) !== undefined);
    if (names.length > 0) return { folder: path, names: inOrder(names), isPart: false };
  } catch (error) {
    throw unreadable((error as Error).message);
  }
  throw unreadable(`${path} has no file of an audit trail (audit-00000001.jsonl)`);
}

function unreadable(message: string): CliFailure {
  const hint = 'use the folder of the trail: audit in the data folder, or that of audit.folder';
  return new CliFailure({ code: 'folder-unusable', exit: EXIT.refused, message, hint });
}

function read({ folder }: TrailPath, name: string): Uint8Array {
  try {
    return readFileSync(join(folder, name));
  } catch (error) {
    throw unreadable((error as Error).message);
  }
}

async function verify(call: Call, trail: TrailPath): Promise<Exit> {
  const { options, terminal } = call;
  const from = textOption(options, 'from');
  if (from !== undefined && !/^[0-9a-f]{64}$/.test(from)) {
    throw usageFailure(
      `--from is ${JSON.stringify(from)}`,
      '--from takes the hash of a line: 64 hex digits, as kvctl status -o json shows them',
    );
  }
  const verification = new Verification({ from, isPart: trail.isPart });
  for (const name of trail.names) verification.add({ name, bytes: read(trail, name) });
  const verdict = verification.end();
  const isJson = formatOf(call) !== 'table';
  await terminal.write(
    isJson ? `${JSON.stringify(verdict)}\n` : verdictText(verdict, terminal.paint),
  );
  return verdict.isIntact ? EXIT.ok : EXIT.no;
}

function verdictText(verdict: TrailVerdict, paint: Call['terminal']['paint']): string {
  const { isIntact, lines, first, last, head, dropped, faults } = verdict;
  const word = isIntact ? paint('INTACT', 'green') : paint('BROKEN', 'red');
  const range = lines === 0 ? '' : ` (${first} to ${last})`;
  const losses = dropped === 0 ? '' : `, ${dropped} more were dropped as the trail says`;
  const told = faults.map(({ file, line, kind, text }) => {
    const place = line === 0 ? file || 'the trail' : `${file}:${line}`;
    return `${place}  ${kind}: ${text}\n`;
  });
  return `${word}  ${lines} lines${range}${losses}, head ${head}\n${told.join('')}`;
}

const COLUMNS: readonly Column[] = [
  { title: 'TIME' },
  { title: 'NODE', isNumber: true },
  { title: 'WHO' },
  { title: 'FROM' },
  { title: 'WHAT' },
  { title: 'ON' },
  { title: 'OUTCOME' },
];

type Shown = Readonly<Record<string, unknown>>;

async function show(call: Call, trail: TrailPath): Promise<Exit> {
  const { options, terminal } = call;
  const format = formatOf(call);
  const user = textOption(options, 'user');
  const since = sinceOf(options);
  const isWanted = (line: Shown) => {
    return (user === undefined || concerns(line, user)) && String(line.at ?? '') >= since;
  };
  const all: Shown[] = [];
  for (const name of trail.names) {
    const lines = linesOf(read(trail, name)).filter(isWanted);
    if (format === 'json') all.push(...lines);
    else if (format === 'ndjson') {
      await terminal.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    } else if (lines.length > 0) {
      await terminal.write(tableOf(terminal, COLUMNS, lines.map(cellsOf)));
    }
  }
  if (format === 'json') await terminal.write(`${JSON.stringify(all)}\n`);
  return EXIT.ok;
}

/** As the times in the lines, which compare as texts. */
function sinceOf(options: Call['options']): string {
  const text = textOption(options, 'since');
  if (text === undefined) return '';
  if (!/^\d{4}-/.test(text)) {
    return new Date(Date.now() - durationOf(text, '--since')).toISOString();
  }
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw usageFailure(
    `--since is ${JSON.stringify(text)}`,
    '--since takes a time as 2026-12-31T09:00:00Z, or how long ago: 90m, 2h, 7d',
  );
}

/** What is no line is left out: `verify` tells of it. */
function linesOf(bytes: Uint8Array): readonly Shown[] {
  const lines = new TextDecoder().decode(bytes).split('\n');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Shown];
    } catch {
      return [];
    }
  });
}

/** It was made by the user, or it is about it. */
function concerns({ who, on }: Shown, user: string): boolean {
  return [who, on].some((one) => {
    return typeof one === 'object' && one !== null && (one as Shown).user === user;
  });
}

function cellsOf(line: Shown): readonly string[] {
  const { at, node, kind, from, what, outcome, why, who, on, ...rest } = line;
  const { sequence: _, previous: __, hash: ___, request: ____, ...about } = rest;
  const isEvent = what !== undefined;
  const end = why === undefined ? outcome : `${outcome}: ${why}`;
  return [
    String(at ?? ''),
    String(node ?? ''),
    whoText(who),
    String(from ?? ''),
    String(what ?? kind ?? ''),
    jsonOf(isEvent ? on : about),
    String(end ?? ''),
  ];
}

function whoText(who: unknown): string {
  if (typeof who !== 'object' || who === null) return String(who ?? '');
  const { user, token, certificate } = who as Shown;
  return String(user ?? certificate ?? (token === undefined ? '' : `token ${token}`));
}

function jsonOf(value: unknown): string {
  const text = JSON.stringify(value ?? {});
  return text === '{}' ? '' : text;
}
