/** The vocabulary of the transcripts of transactions: each command does one thing. */

import { parseAnswer, parseReply } from './spelling.ts';
import type { Stage } from './stage.ts';

type Command = (stage: Stage, words: readonly string[]) => void;

/** Runs `name word word ...` and says nothing itself: the stage does. */
export function perform(stage: Stage, line: string): void {
  const [name = '', ...words] = line.split(/\s+/);
  const command = COMMANDS[name];
  if (command === undefined) throw new Error(`no command is called ${name}`);
  command(stage, words);
}

const COMMANDS: Readonly<Record<string, Command>> = {
  /**
   * `begin 5 a: put x, get y | b: check z 3`: a transaction of age 5; a is its home shard.
   * `begin 5+2`: two attempts of it failed.
   */
  begin: (stage, [age = '', ...words]) => stage.begin(age, words.join(' ')),
  /** The same; it is staged if its checks and outputs permit. */
  'begin-staged': (stage, [age = '', ...words]) => {
    stage.begin(age, words.join(' '), { mayStage: true });
  },
  /** A new leader finds its staged part. */
  recover: (stage) => stage.coordinator?.recover(),
  /** `answer b done 12`, `answer b fails not-leader`: to the oldest request to b. */
  answer: (stage, [shard = '', ...words]) => stage.answer(shard, parseAnswer(words)),
  /** `precheck check-failed 0 5`: the check that fails in the home shard. */
  precheck: (stage, words) => {
    const reply = parseReply(words);
    if (reply.type === 'check-failed') stage.precheckRefusal = reply;
  },
  /** From now on transactions wait in the queue until `call`. */
  line: (stage) => {
    stage.mustWait = true;
  },
  /** `left 499`: the transaction has so much time left. */
  left: (stage, [milliseconds]) => {
    stage.millisecondsLeft = Number(milliseconds);
  },
  call: (stage) => stage.coordinator?.begin(),
  /** One with priority waits for a key of it. */
  preempt: (stage) => stage.coordinator?.preempt(),
  /** The node no longer leads the home shard. */
  lose: (stage) => stage.coordinator?.lose(),
  stage: (stage) => stage.say('it is', stage.coordinator?.stage ?? 'nothing'),
  /** `pass 60`: so many milliseconds, and one tick after them. */
  pass: (stage, [milliseconds]) => stage.pass(Number(milliseconds)),
  /** `decided 3 committed a b c`: transaction 3, whose home shard is a; `dropped` is not kept. */
  decided: (stage, [number, how = '', ...shards]) => stage.tell(Number(number), how, shards),
  /** The end of a turn. */
  flush: (stage) => stage.broadcast.flush(),
  /** `heard b`, `unheard b`: the fate of the oldest message to it. */
  heard: (stage, shards) => {
    for (const shard of shards) stage.hear(shard, Number.POSITIVE_INFINITY);
  },
  /** `some 2 b`: its entry has resolved two of them, and has no room for more. */
  some: (stage, [heard, shard = '']) => stage.hear(shard, Number(heard)),
  unheard: (stage, shards) => {
    for (const shard of shards) stage.hear(shard, 0);
  },
  /** `map unknown`, `map known`. */
  map: (stage, [word]) => {
    stage.isMapUnknown = word === 'unknown';
  },
  telling: (stage) => stage.say('telling', String(stage.broadcast.size)),
  /** `hold 3 50`: transaction 3, of age 50, holds a key of the shard. */
  hold: (stage, [number, age]) => stage.hold(Number(number), Number(age)),
  release: (stage, [number]) => stage.release(Number(number)),
  /** `meet 3`, `meet 3 preempting`: a request waits for its key. */
  meet: (stage, [number, manner]) => {
    stage.resolver.meet(stage.holder(Number(number)), manner === 'preempting');
  },
  /** `settled 3 committed`, `settled 3 unknown`: the answer of the home shard. */
  settled: (stage, [number = '', ...words]) => {
    stage.settle(number, words[0] === 'unknown' ? undefined : parseReply(words));
  },
  conflicts: (stage) => stage.say('conflicts', String(stage.resolver.size)),
};
