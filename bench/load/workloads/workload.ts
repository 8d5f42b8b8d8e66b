/**
 * What a workload is. To add one, write what a caller does once and what must hold when all callers
 * have stopped, and name it in `workloads.ts`: the closed loop makes a task of tinybench of it, and
 * the open loop calls the same function when an operation is due.
 */

import type { Client } from '../../../src/index.ts';
import type { KeyWrite, LastWrites } from '../last-writes.ts';
import type { Shape } from '../measurement.ts';
import type { Inserts } from './inserts.ts';

/** What the callers of one client process share. */
export interface Scene {
  readonly shape: Shape;
  /** The next of the clients of this process. */
  client(): Client;
  readonly writes: LastWrites;
  readonly inserts: Inserts;
  /** Uniform, and by Zipf's law with the lowest numbers most often. */
  readonly uniform: () => number;
  readonly zipfian: () => number;
}

/** What all client processes have done since the workload was prepared, warm-up included. */
export interface Done {
  readonly operations: number;
  /** Calls of which it is not known whether they took effect. */
  readonly failed: number;
  readonly writes: readonly KeyWrite[];
  readonly inserted: readonly string[];
}

export interface Workload {
  /** In a few words, for the list of workloads. */
  readonly about: string;
  /** What it needs beside the usual shape; it gets a cluster of its own for that. */
  readonly shape?: Partial<Shape>;
  /** In one process, before any caller begins. */
  readonly prepare?: (scene: Scene) => Promise<unknown>;
  /** One operation of one caller. Throws if an answer is wrong. */
  readonly work: (scene: Scene) => Promise<unknown>;
  /** In one process, after all callers have stopped. Throws if what is stored is wrong. */
  readonly verify?: (scene: Scene, done: Done) => Promise<void>;
}
