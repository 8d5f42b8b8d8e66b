/** Diagnostics for the operator: one line of JSON per fact. */

import pino from 'pino';
import type { NodeFact } from '../node/node-fact.ts';
import type { FactLog } from './fact-log.ts';
import type { LogSink } from './log-sink.ts';

export type Logger = pino.Logger;

/** Lines go to standard error without blocking the node. */
export function newLogger(level: string, sink: Pick<LogSink, 'write'>): Logger {
  return pino({ level, base: null }, { write: (line: string) => sink.write(line) });
}

/** Raft facts that are logged: changes of the leader or of the state. Others are only metrics. */
const TOLD: ReadonlySet<string> = new Set([
  'became-leader',
  'stepped-down-for-higher-term',
  'stepped-down-without-quorum',
  'handed-over-to-faster-voter',
  'stepped-down-for-damage',
  'stepped-down-after-removal',
  'snapshot-installed',
]);

export function logFact(log: FactLog, fact: NodeFact): void {
  switch (fact.type) {
    case 'raft':
      if (TOLD.has(fact.fact)) log.tell('info', fact.fact, { shard: fact.shard });
      return;
    case 'replica-created':
    case 'replica-removed':
    case 'state-restored':
      return log.tell('info', fact.type, { shard: fact.shard });
    case 'replica-lost':
    case 'state-damaged':
    case 'log-damaged':
    case 'state-set-aside':
    case 'state-mended':
    case 'state-quarantined':
    case 'state-diverged':
    case 'states-differ':
      return log.tell('error', fact.type, fact);
    case 'data-key-added':
      return log.tell('info', fact.type, { number: fact.number });
    case 'confirmed':
      return log.tell('info', fact.type, { milliseconds: fact.milliseconds });
    // Its own trail has it.
    case 'audit':
      return;
    case 'request-failed':
      return log.tell('debug', fact.type, fact);
    case 'data-keys-unusable':
    case 'frame-refused':
    case 'map-refused':
    case 'message-refused':
    case 'peer-silent':
    case 'request-slow':
    case 'still-running':
    case 'unconfirmed':
      return log.tell('warn', fact.type, fact);
  }
}
