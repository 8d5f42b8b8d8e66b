/** Bugs of the audit trail: lines that are missing, that tell too much, or that prove nothing. */

import type { Bug, Planted } from './bug.ts';

const TRAIL = { file: 'src/audit/trail.ts', tests: ['trail'] };
const VERIFICATION = { file: 'src/audit/verification.ts', tests: ['verification'] };
const AUDIT = { file: 'src/node/audit.ts', tests: ['audit'] };
const SUBJECTS = { file: 'src/node/audit-subjects.ts', tests: ['audit-subjects'] };

const PLANTED: readonly Planted[] = [
  {
    ...TRAIL,
    name: 'file-without-chain',
    sentence: 'the first line of a new file does not continue the chain',
    find: 'const line = lineAfter(this.#link, JSON.stringify(',
    replace: "const line = lineAfter({ sequence: 0, hash: '0'.repeat(64) }, JSON.stringify(",
    isFast: true,
  },
  {
    ...TRAIL,
    name: 'drop-uncounted',
    sentence: 'lines that find no room are dropped without a gap in the chain',
    find: 'this.#queue.push({ lost: 1, since: at, until: at });',
    replace: '',
    isFast: true,
  },
  {
    ...TRAIL,
    name: 'hang-unreported',
    sentence: 'while the disk hangs, the node does not learn that lines are dropped',
    find: 'if (!this.#hasGap) setImmediate(() => this.#heedGap());',
    replace: '',
  },
  {
    ...TRAIL,
    name: 'written-is-durable',
    sentence: 'a line counts as durable once it is written, without a sync',
    find: 'if (one.request > 0) this.#written = one.request;',
    replace: 'if (one.request > 0) this.#durable = this.#written = one.request;',
  },
  {
    ...TRAIL,
    name: 'half-line-stays',
    sentence: 'what a failed write has left of a line is not cut',
    find: 'await this.#file?.close().catch(() => { }); this.#file = undefined; const { path }',
    replace: 'const { path }',
  },
  {
    ...TRAIL,
    name: 'removal-untold',
    sentence: 'no line says which lines were removed with their file',
    find: 'const removedThrough = Math.max(this.#removedThrough, through);',
    replace: 'const removedThrough = this.#removedThrough;',
  },
  {
    file: 'src/audit/recovery.ts',
    tests: ['trail'],
    name: 'stub-is-forgotten',
    sentence: 'a file without a line stays between two files of the trail',
    find: 'hasStub = true',
    replace: 'hasStub = false',
  },
  {
    ...VERIFICATION,
    name: 'numbers-are-enough',
    sentence: 'a line continues another one if its number is the next',
    find: 'previous === before.hash || previous === this.#aside',
    replace: 'true',
    isFast: true,
  },
  {
    ...VERIFICATION,
    name: 'start-unjudged',
    sentence: 'the first lines of a trail may be missing',
    find: 'if (sequence - 1 <= this.#removedThrough) return;',
    replace: 'return;',
  },
  {
    file: 'src/audit/chain.ts',
    tests: ['verification'],
    name: 'content-unhashed',
    sentence: 'the content of a line may differ from what its hash was made of',
    find: "const isSound = hashOf(body, 'latin1') === hash;",
    replace: 'const isSound = true;',
  },
  {
    ...AUDIT,
    name: 'denials-untold',
    sentence: 'a request that is denied has no line unless a rule covers it',
    find: 'if (!this.#mayTellDenial()) return;',
    replace: 'return;',
    isFast: true,
  },
  {
    ...AUDIT,
    name: 'fail-closed-ignored',
    sentence: 'a fail-closed node serves what it cannot audit',
    find: "if (this.#isClosed) return refuse(client, request, 'audit-unavailable');",
    replace: 'if (this.#isClosed) return run(request);',
    isFast: true,
  },
  {
    ...AUDIT,
    name: 'served-before-its-line',
    sentence: 'a fail-closed node serves a request before its line is durable',
    find: 'if (!isDurable && progress.isWorking) return;',
    replace: '',
  },
  {
    ...AUDIT,
    name: 'doubt-is-refusal',
    sentence: 'a request whose outcome is not known is told as refused',
    find: "if (effectOf(failure) === 'unknown') return this.#tell('unknown', failure);",
    replace: '',
  },
  {
    ...AUDIT,
    name: 'no-effect-is-ok',
    sentence: 'a command that a shard has refused is told as done',
    find: "if (reasons.length === 0) return this.#tell('ok');",
    replace: "return this.#tell('ok');",
  },
  {
    ...SUBJECTS,
    name: 'note-in-the-line',
    sentence: 'a line has the note of a token, in which people write what they like',
    find: 'return { token: hexOf(id), user, scope, expiresAt };',
    replace: 'return { token: hexOf(id), user, scope, expiresAt, ...arguments[0] };',
  },
  {
    ...SUBJECTS,
    name: 'audited-by-its-start',
    sentence: 'a range is audited only if its first key has the prefix',
    find: 'return !isBefore && !isBehind;',
    replace: 'return hasPrefix(from, prefix);',
  },
  {
    file: 'src/node/clients.ts',
    tests: ['audit'],
    name: 'gone-without-a-line',
    sentence: 'the requests of a client that is gone have no line',
    find: "named?.end('closed');",
    replace: '',
  },
  {
    ...AUDIT,
    name: 'denials-of-strangers-listed',
    sentence: 'strangers fill the trail with requests that are always audited',
    find: 'if (this.#hasBegun || this.#options.mayTellRefusal())',
    replace: '',
  },
  {
    ...AUDIT,
    name: 'strangers-wait-for-lines',
    sentence: 'what is denied anyway waits for a line, and takes the room of what is not',
    find: 'if (isDenied()) return run(request);',
    replace: '',
  },
  {
    ...AUDIT,
    name: 'served-when-the-disk-answers',
    sentence: 'a request that waits for a hanging disk is served long after its caller gave up',
    find: 'this.#refuseOverdue();',
    replace: '',
  },
  {
    ...AUDIT,
    tests: ['audit-logins'],
    name: 'token-before-its-line',
    sentence: 'a fail-closed node makes a token before a line of it is durable',
    find: 'if (!this.#policy.isFailClosed) return next.run();',
    replace: 'return next.run();',
  },
  {
    ...TRAIL,
    name: 'synced-when-idle-only',
    sentence: 'lines are not synced as long as others come',
    find: 'if (isDue && this.#isWorking &&',
    replace: 'if (isDue && this.#queue.length === 0 && this.#isWorking &&',
  },
  {
    ...VERIFICATION,
    name: 'noted-hash-excuses-the-front',
    sentence: 'with a noted hash a trail is intact without its first lines',
    find: 'this.#isPart = isPart;',
    replace: 'this.#isPart = isPart || from !== undefined;',
    isFast: true,
  },
  {
    file: 'cli/commands/audit.ts',
    tests: ['../cli/audit'],
    name: 'one-file-is-a-part',
    sentence: 'a folder with one file left is intact, whatever was removed in front of it',
    find: 'names: inOrder(names), isPart: false',
    replace: 'names: inOrder(names), isPart: names.length === 1',
  },
];

export const AUDIT_BUGS: readonly Bug[] = PLANTED.map((bug) => {
  return { isFast: false, ...bug, profiles: [] };
});
