/** Planted bugs where many want the same: who waits before it begins, and what is refused early. */

import type { Bug } from './bug.ts';

const LINE = 'src/txn/line.ts';
const COORDINATOR = 'src/txn/coordinator.ts';
const FORESIGHT = 'src/machine/foresight.ts';
const HOME_DESK = 'src/core/home-desk.ts';
const REPLICA = 'src/shard/replica.ts';

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [LINE]: 'line',
  [COORDINATOR]: 'scenario',
  [FORESIGHT]: 'foresight',
  [HOME_DESK]: 'home-desk',
  [REPLICA]: 'replica',
};

interface Planted {
  readonly name: string;
  readonly sentence: string;
  readonly trap: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly isFast?: boolean;
}

const PLANTED: readonly Planted[] = [
  {
    name: 'foreseen-before-it-is-current',
    sentence: 'a new leader refuses by what it knew before it has applied what others acknowledged',
    trap: '29',
    file: HOME_DESK,
    find: 'return isCurrent ? this.#machine.foresee(homeOf(plan).operations) : undefined;',
    replace: 'return this.#machine.foresee(homeOf(plan).operations);',
    isFast: true,
  },
  {
    name: 'current-as-soon-as-it-leads',
    sentence: 'a leader is taken to know all before an entry of its own term is applied',
    trap: '29',
    file: REPLICA,
    find: 'return this.isLeader && this.#appliedTerm === this.#raft.term;',
    replace: 'return this.isLeader;',
  },
  {
    name: 'foresight-under-a-lock',
    sentence: 'a check fails by the value that stands under a lock, though another one was told',
    trap: '30',
    file: FORESIGHT,
    find: `if (prepared.holderOf(key) !== undefined)
            continue;`,
    replace: '',
    isFast: true,
  },
  {
    name: 'foreseen-is-told-and-not-decided',
    sentence: 'what is committed already is refused when it is asked for again',
    trap: '32, P4',
    file: COORDINATOR,
    find: 'return this.#abort(refusal);',
    replace: "return this.#end({ type: 'decided', reply: refusal });",
  },
  {
    name: 'a-commit-that-names-nobody',
    sentence: 'a decision lists the home shard alone, and goes before the others have heard',
    trap: '31',
    file: COORDINATOR,
    find: 'this.#hasAsked = true;',
    replace: '',
  },
  {
    name: 'all-are-named-whom-nobody-asked',
    sentence: 'a decision is kept for shards that have nothing to hear',
    trap: '31',
    file: COORDINATOR,
    find: 'this.#hasAsked ? all : all.slice(0, 1)',
    replace: 'all',
  },
  {
    name: 'begun-though-it-is-over',
    sentence: 'one that was ended in line is called and asks others to prepare',
    trap: '32',
    file: COORDINATOR,
    find: `if (this.#stage !== 'waiting')
            return;`,
    replace: '',
  },
  {
    name: 'nobody-is-next',
    sentence: 'who is over calls nobody, and the line waits for ever',
    trap: '33',
    file: LINE,
    find: `for (const key of freed)
            this.#proceed(key);`,
    replace: '',
    isFast: true,
  },
  {
    name: 'the-youngest-is-next',
    sentence: 'who came first is overtaken by all who come later',
    trap: '33',
    file: LINE,
    find: 'isElder(one.contender, contender)',
    replace: 'isElder(contender, one.contender)',
  },
  {
    name: 'a-place-for-somebody-gone',
    sentence: 'whoever was ended in line is still called, and its keys are never free again',
    trap: '33',
    file: LINE,
    find: 'return this.#forget(one);',
    replace: 'return;',
  },
  {
    name: 'one-key-of-several',
    sentence: 'whoever wants several keys takes one, and others take the rest',
    trap: '33',
    file: LINE,
    find: 'const taken = one.keys.find((key) => this.#heads.has(key));',
    replace: 'const taken = one.keys.slice(0, 1).find((key) => this.#heads.has(key));',
  },
  {
    name: 'the-hopeless-have-a-place',
    sentence: 'what cannot commit any more keeps others from beginning',
    trap: '33',
    file: LINE,
    find: 'if (key === undefined && !one.isHopeless())',
    replace: 'if (key === undefined)',
  },
  {
    name: 'a-crowd-is-let-go-at-once',
    sentence: 'everybody who saw an old version comes back at the same time',
    trap: '33',
    file: LINE,
    find: 'hasLetGo = true;',
    replace: '',
  },
  {
    name: 'nobody-waits-for-who-was-let-go',
    sentence: 'whoever comes first wins, and the eldest comes again and again in vain',
    trap: '33',
    file: LINE,
    find: 'this.#expect(one, key);',
    replace: '',
  },
  {
    name: 'waited-for-for-ever',
    sentence: 'a client that is gone keeps all who are younger from beginning',
    trap: '33',
    file: LINE,
    find: 'return expected.ticksLeft > 0;',
    replace: 'return true;',
  },
  {
    name: 'the-line-has-no-bound',
    sentence: 'any number of transactions waits in line for one key',
    trap: '36',
    file: LINE,
    find: 'if (key !== undefined && length < TRANSACTION_LIMITS.lineMax)',
    replace: 'if (key !== undefined)',
  },
];

export const CONTENTION_BUGS: readonly Bug[] = PLANTED.map(({ isFast, ...bug }) => {
  return { ...bug, profiles: [], tests: [NOTICED[bug.file] ?? ''], isFast: isFast ?? false };
});
