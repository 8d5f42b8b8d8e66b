/** Bugs of what joins the rooms to a node: the replica of a shard, the node's core, its router. */

import type { Bug } from './bug.ts';

const REPLICA = { file: 'src/shard/replica.ts', profiles: ['cluster'], isFast: false };
const NODE = { profiles: ['cluster'], isFast: false };

const SHARD_BUGS: readonly Bug[] = [
  {
    ...NODE,
    file: 'src/shard/log-time.ts',
    name: 'time-drifts-away',
    sentence: 'a follower counts on from the first entry that it saw, and leads by that time',
    find: 'follow(time, now) { if (time === 0) return;',
    replace:
      'follow(time, now) { if (time === 0 || (!this.#isGuess && time <= this.read(now))) return;',
  },
  {
    ...NODE,
    file: 'src/shard/reads.ts',
    name: 'read-before-applied',
    sentence: 'a read is served as soon as it is granted, whatever the machine has applied',
    find: 'const ready = this.#granted.filter(({ index }) => index <= applied);',
    replace: 'const ready = this.#granted;',
  },
  {
    ...REPLICA,
    name: 'lost-told-as-refused',
    sentence: 'a leader that loses leadership reports its proposals as not applied',
    file: 'src/shard/proposing.ts',
    find: "this.#proposals.takeAll()) this.#state.fail(requester, 'lost');",
    replace: "this.#proposals.takeAll()) this.#state.fail(requester, 'read-only');",
  },
  {
    ...REPLICA,
    file: 'src/shard/replica-state.ts',
    name: 'damaged-serves',
    sentence: 'a replica that found damage continues to lead and answers so for ever',
    find: 'markCorrupt() { if (this.isCorrupt) return;',
    replace: 'markCorrupt() { if (this.isCorrupt || this.isLeader) return;',
  },
  {
    ...REPLICA,
    name: 'log-before-snapshot',
    sentence: 'the log has entries after the snapshot before the snapshot is the state',
    find: 'return this.#intake.isSwitching ? [] : this.#records.splice(0);',
    replace: 'return this.#records.splice(0);',
  },
  {
    ...REPLICA,
    file: 'src/shard/applying.ts',
    name: 'snapshot-without-reload',
    sentence: "the machine's memory is older than the snapshot under it",
    find: 'else state.machine.reload();',
    replace: '',
  },
  {
    ...NODE,
    file: 'src/shard/range-read.ts',
    name: 'views-leak',
    sentence: 'the view of a page is never released',
    find: 'this.#cursor.close(); view.close();',
    replace: 'this.#cursor.close();',
  },
];

const CORE_BUGS: readonly Bug[] = [
  {
    ...NODE,
    profiles: [],
    isFast: true,
    tests: ['member-places'],
    file: 'src/node/member-places.ts',
    name: 'one-place-for-all-shards',
    sentence: 'members with one id in two shards count as one, and are sent to one node',
    find: 'return this.#places.get(shard)?.get(member);',
    replace: 'return [...this.#places.values()].find((all) => all.has(member))?.get(member);',
  },
  {
    ...NODE,
    file: 'src/node/node-core.ts',
    name: 'beats-not-sent',
    sentence: 'a node sends no heartbeats unless it has other messages',
    find: 'for (const node of peers.due(now)) this.#greet(node);',
    replace: '',
  },
  {
    ...NODE,
    file: 'src/node/maintenance.ts',
    name: 'never-due',
    sentence: 'expired keys are searched only once',
    find: 'replica.dueAt = Math.min(replica.dueAt, next);',
    replace: '',
  },
  {
    ...NODE,
    file: 'src/node/maintenance.ts',
    name: 'never-adopted',
    sentence: 'no shard is given its arc',
    find: 'this.#adopt(replica, replica.machine)',
    replace: 'replica.machine.epoch > 0',
  },
  {
    ...NODE,
    file: 'src/node/replicas.ts',
    name: 'destroyed-without-tombstone',
    sentence: 'a replica that is not listed is removed without a tombstone',
    find: 'context.store.drop(shard); return true;',
    replace: 'return true;',
  },
  {
    ...NODE,
    file: 'src/node/clients.ts',
    name: 'answers-not-counted',
    sentence: 'a node forgets that it has answered a client',
    find: 'if (response.id > 0 && endsRequest(response)) this.#end(response);',
    replace: '',
  },
];

export const CLUSTER_BUGS: readonly Bug[] = [...SHARD_BUGS, ...CORE_BUGS];
