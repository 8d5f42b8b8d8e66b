/** Diagnostics for whoever runs the node: one line of JSON for each thing worth knowing. */

import pino from 'pino';
import type { NodeFact } from '../core/node-parts.ts';

export type Logger = pino.Logger;

export function newLogger(level: string): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}

/** Facts of single shards are for metrics; what changes who serves is for people too. */
const TOLD: ReadonlySet<string> = new Set([
  'became-leader',
  'stepped-down-for-higher-term',
  'stepped-down-without-quorum',
  'handed-over-to-faster-voter',
  'stepped-down-for-damage',
  'stepped-down-after-removal',
  'snapshot-installed',
]);

export function logFact(logger: Logger, fact: NodeFact): void {
  switch (fact.type) {
    case 'raft':
      if (TOLD.has(fact.fact)) logger.info({ shard: fact.shard }, fact.fact);
      return;
    case 'replica-created':
    case 'replica-removed':
    case 'state-restored':
      return logger.info({ shard: fact.shard }, fact.type);
    case 'replica-lost':
    case 'state-damaged':
    case 'state-set-aside':
    case 'state-quarantined':
    case 'state-diverged':
    case 'states-differ':
      return logger.error(fact, fact.type);
    case 'confirmed':
      return logger.info({ milliseconds: fact.milliseconds }, fact.type);
    case 'request-failed':
      return logger.debug(fact, fact.type);
    case 'frame-refused':
    case 'peer-silent':
    case 'request-slow':
    case 'still-running':
    case 'unconfirmed':
      return logger.warn(fact, fact.type);
  }
}
