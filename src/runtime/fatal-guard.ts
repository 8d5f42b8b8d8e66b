/** Ends a node on its first fatal failure; none of its code runs afterwards. */

import { isError } from '../base/is-error.ts';

/** Tells a supervisor whether to restart the process. */
type EndKind =
  /** An operator removed the node, or a new node replaced it: its folder is no longer needed. */
  | 'removed'
  /** The cluster refuses this data folder permanently: an old copy, or another folder's number. */
  | 'expelled'
  /** The disk or a system limit failed: a restart helps once that is fixed. */
  | 'storage'
  /** A restart repairs it: it rebuilds a damaged store, or reopens one that ran out of space. */
  | 'reopen'
  /** A broken invariant, or an unhandled error. */
  | 'fault';

export interface NodeEnd {
  readonly kind: EndKind;
  readonly text: string;
}

export class FatalGuard {
  readonly promise: Promise<NodeEnd>;
  #resolve: (end: NodeEnd) => void = () => {};
  isOver = false;
  /** Set once `promise` is resolved. */
  end: NodeEnd | undefined;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  come(end: NodeEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    this.end = end;
    this.#resolve(end);
  }

  /** Reports a broken invariant. */
  fail(error: unknown): void {
    const text = isError(error) ? (error.stack ?? error.message) : String(error);
    this.come({ kind: 'fault', text });
  }

  /** The owner ends the node: no end is reported, and none of its code runs any more. */
  silence(): void {
    this.isOver = true;
  }

  /**
   * All input of a node passes here. A broken invariant ends the node, because its state in memory
   * is no longer reliable; its owner decides whether the process continues.
   */
  run(work: () => void): void {
    if (this.isOver) return;
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }
}
