/** "A secure cluster in ten minutes" of docs/OPERATIONS.md: each command as it stands there. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import test from 'node:test';
import { freePort } from './child-node.ts';

const LONG = { timeout: 240_000 };
const TITLE = '### A secure cluster in ten minutes';
const USUAL_PORTS = [7400, 7401, 7402];

interface Step {
  readonly line: string;
  /** According to the comment behind the command. */
  readonly exit: number;
}

function stepsOf(page: string): readonly Step[] {
  const from = page.indexOf(TITLE);
  const section = page.slice(from, page.indexOf('\n### ', from + TITLE.length));
  const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)];
  return blocks.flatMap(([, block = '']) => {
    const lines = block.split('\n').filter((line) => line !== '');
    return lines.map((line) => ({ line, exit: Number(/# exit code (\d+)/.exec(line)?.[1] ?? 0) }));
  });
}

class Shell {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-ten-'));
  readonly #environment: NodeJS.ProcessEnv;

  constructor() {
    const { RINGKV_TOKEN_FILE: _none, RINGKV_URL: _other, ...rest } = process.env;
    const PATH = `${this.folder}${delimiter}${process.env.PATH}`;
    this.#environment = {
      ...rest,
      PATH,
      HOME: this.folder,
      XDG_CONFIG_HOME: join(this.folder, 'config'),
    };
    const program = resolve('build/cli/kvctl.js');
    const wrapper = join(this.folder, 'kvctl');
    writeFileSync(wrapper, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    chmodSync(wrapper, 0o755);
  }

  run(line: string): Promise<{ readonly exit: number; readonly text: string }> {
    const options = { cwd: this.folder, env: this.#environment };
    return new Promise((done) => {
      execFile('sh', ['-c', line], options, (error, data, notes) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ exit, text: data + notes });
      });
    });
  }

  /** Other tests listen on the usual ports. */
  async movePorts(): Promise<void> {
    const path = join(this.folder, 'cluster.config.json');
    let text = readFileSync(path, 'utf8');
    for (const port of USUAL_PORTS) {
      assert.ok(text.includes(`127.0.0.1:${port}`), text);
      text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${await freePort()}`);
    }
    writeFileSync(path, text);
  }

  async end(): Promise<void> {
    await this.run('kvctl down');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('the section on a secure cluster does what it says', LONG, async (t) => {
  const steps = stepsOf(readFileSync('docs/OPERATIONS.md', 'utf8'));
  assert.ok(steps.length > 15, `${steps.length} steps`);
  const shell = new Shell();
  t.after(() => shell.end());
  const told = new Map<string, string>();
  for (const { line, exit } of steps) {
    const done = await shell.run(line);
    assert.equal(done.exit, exit, `${line}\n${done.text}`);
    told.set(line.replace(/ +#.*/, ''), done.text);
    if (line.startsWith('kvctl init')) await shell.movePorts();
  }
  const textOf = (line: string) => told.get(line) ?? '';
  assert.match(textOf('RINGKV_TOKEN_FILE=other.token kvctl get orders/1'), /"total": ?12/);
  assert.match(textOf('kvctl status'), /^HEALTHY/);
  for (const node of ['n1', 'n2', 'n3']) {
    assert.match(textOf(`kvctl audit verify data/${node}/audit`), /^INTACT/);
  }
  const { text } = await shell.run('cat data/n*/audit/*.jsonl');
  for (const what of ['enable-access', 'put-role', 'put-user', 'put-token', 'delete-token']) {
    assert.ok(text.includes(`"what":"${what}"`), what);
  }
  assert.match(text, /"outcome":"refused","why":"forbidden"/);
  for (const name of ['root.token', 'billing.token', 'other.token']) {
    const [, secret = ''] = readFileSync(join(shell.folder, name), 'utf8').trim().split('.');
    assert.equal(secret.length, 64);
    assert.equal(text.includes(secret), false, name);
  }
});
