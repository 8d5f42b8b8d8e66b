/** Planted where bytes wait for slow links, and where heartbeats overtake them. */

import type { Bug } from './bug.ts';

const WINDOW = { file: 'src/transport/lane-window.ts', tests: ['lane-window'] } as const;
const LANE = { file: 'src/transport/paced-lane.ts', tests: ['switchboard'] } as const;
const TURN = { tests: ['slow-link.slow'] } as const;
const RAFT = { tests: ['full-link'] } as const;

type Planted = Omit<Bug, 'profiles' | 'isFast'>;

const LINKS: readonly Planted[] = [
  {
    file: 'src/transport/paced-lane.ts',
    tests: ['paced-lane'],
    name: 'piece-fills-the-window',
    sentence: 'one piece of a large frame takes all that may be in flight',
    find: 'Math.floor(this.#window.bytes / PIECES_PER_WINDOW)',
    replace: 'this.#window.bytes',
  },
  {
    file: 'src/transport/paced-lane.ts',
    tests: ['paced-lane'],
    name: 'full-window-unmarked',
    sentence: 'frames that wait for a window that shrank, or is full of answers, wait for ever',
    find: 'this.#mark(); assert(this.#waiting.size === 0 || this.#window.isAwaited,',
    replace: 'assert(true,',
  },
  {
    ...WINDOW,
    name: 'window-never-shrinks',
    sentence: 'a lane sends as much as before though its answers are late',
    find: 'queued > queueMilliseconds)',
    replace: 'false)',
  },
  {
    ...WINDOW,
    name: 'window-without-patience',
    sentence: 'a lane sends on while an answer is overdue',
    find: 'const room = isOverdue ? 0 :',
    replace: 'const room =',
  },
  {
    ...WINDOW,
    name: 'window-takes-queue-for-path',
    sentence: 'a queue that was never empty is taken for the delay of the path',
    find: 'if (hadQueue)',
    replace: 'if (false)',
  },
  {
    ...WINDOW,
    name: 'window-grows-unused',
    sentence: 'a window grows though no more is sent than fits it',
    find: '(this.#wasFull || this.#isUsed(mark, now))',
    replace: 'true',
  },
  {
    ...LANE,
    name: 'heartbeats-wait-in-line',
    sentence: 'an urgent frame waits behind the streams of its lane',
    find: 'if (stream === undefined && isPlain(frame)) {',
    replace: 'if (false) {',
  },
  {
    ...LANE,
    name: 'lane-ignores-its-window',
    sentence: 'frames wait in the system instead of here, where others could overtake them',
    find: 'this.#waiting.size > 0 && this.#window.roomAt(this.#options.now()) > 0',
    replace: 'this.#waiting.size > 0',
  },
  {
    ...TURN,
    name: 'one-frame-for-all',
    sentence: 'heartbeats of a turn are in one frame with megabytes of entries',
    file: 'src/node/turn.ts',
    find: 'if (bytes <= node.roomToPeer(to).now)',
    replace: 'if (bytes > 0)',
  },
  {
    ...RAFT,
    name: 'full-link-filled-on',
    sentence: 'a follower is sent a whole window of entries over a link that is full',
    file: 'src/raft/replication.ts',
    find: 'if (room === 0 && progress.hasFlights) {',
    replace: 'if (false) {',
  },
  {
    ...RAFT,
    name: 'probe-repeats-its-entries',
    sentence: 'each heartbeat sends the entries of an unanswered probe again',
    file: 'src/raft/replication.ts',
    find: 'progress.next > log.lastIndex || progress.hasProbed',
    replace: 'progress.next > log.lastIndex',
  },
  {
    ...RAFT,
    name: 'full-link-questioned',
    sentence: 'messages that wait in a full link are repeated with each heartbeat',
    file: 'src/raft/progress.ts',
    find: '(isLinkFull ? electionTicksMax : heartbeatTicks)',
    replace: 'heartbeatTicks',
  },
];

export const LINK_BUGS: readonly Bug[] = LINKS.map((bug) => {
  return { ...bug, profiles: [], isFast: true };
});
