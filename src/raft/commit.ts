/** When an entry is committed, and what follows from it (§5.3, §5.4.2, §6). */

import type { MemberId } from '../base/ids.ts';
import { isJoint, isMember, isVoter, membersOf, settled } from './configuration.ts';
import {
  type Core,
  commitThrough,
  configurationOf,
  type Leader,
  note,
  stepDown,
  to,
} from './core.ts';
import { appendConfiguration } from './proposals.ts';
import { reachedByQuorum } from './quorum.ts';

/** The leader counts itself only for what its own disk has (thesis §10.2.1). */
export function advanceCommit(core: Core, leader: Leader): void {
  const reached = reachedByQuorum(configurationOf(core), (voter) => {
    return voter === core.self ? core.log.durable : (leader.followers.get(voter)?.match ?? 0);
  });
  if (reached <= core.commit) return;
  // §5.4.2, figure 8: entries of former terms are committed by one of this term behind them.
  if (core.log.termAt(reached) !== core.term) {
    note(core, 'old-term-commit-withheld');
    return;
  }
  const before = core.commit;
  commitThrough(core, reached);
  core.hasNews = true;
  while (leader.uncommitted.length > 0) {
    const batch = leader.uncommitted[0] as Leader['uncommitted'][number];
    if (batch.lastIndex > reached) break;
    leader.uncommittedBytes -= batch.bytes;
    leader.uncommitted.shift();
  }
  followConfiguration(core, leader, before);
}

/** A committed joint configuration is left; one without this leader ends its leadership (§6). */
function followConfiguration(core: Core, leader: Leader, before: number): void {
  const { at, configuration } = core.configurations.newest;
  if (at.index > core.commit) return;
  if (isJoint(configuration)) {
    note(core, 'joint-left');
    appendConfiguration(core, leader, settled(configuration));
    return;
  }
  if (at.index <= before) return;
  sendFarewells(core, at.index);
  if (isVoter(configuration, core.self)) return;
  if (!isMember(configuration, core.self)) core.isRemoved = true;
  stepDown(core, 'stepped-down-after-removal');
}

/** Those whom this configuration left out learn it from someone who knows it is committed. */
function sendFarewells(core: Core, index: number): void {
  const { all, newest } = core.configurations;
  const former = new Set<MemberId>();
  for (const placed of all) {
    if (placed.at.index >= index) break;
    for (const member of membersOf(placed.configuration)) former.add(member);
  }
  for (const member of former) {
    if (member === core.self || isMember(newest.configuration, member)) continue;
    core.outbox.send({ type: 'removed', ...to(core, member), configuration: newest.at });
  }
}
