/** Why a node ends by itself: the first reason counts, and nothing of it runs afterwards. */

/** Tells a supervisor whether to start the process again. */
type EndKind =
  /** An operator removed the node, or a newcomer took its place: its folder is needed no more. */
  | 'removed'
  /** The cluster refuses this data folder for good: an old copy, or a number of another folder. */
  | 'expelled'
  /** The disk failed, or a limit that the system sets for it: a start helps once that is mended. */
  | 'storage'
  /** A start by itself mends it: it makes the damaged store anew, or opens one that ran full. */
  | 'reopen'
  /** A broken invariant, or an error that no code handles. */
  | 'fault';

export interface NodeEnd {
  readonly kind: EndKind;
  readonly text: string;
}

export class FatalGuard {
  readonly promise: Promise<NodeEnd>;
  #resolve: (end: NodeEnd) => void = () => {};
  isOver = false;
  /** Set from the moment that `promise` is resolved. */
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

  /** A broken invariant, wherever it was noticed. */
  fail(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.come({ kind: 'fault', text });
  }

  /** It ends because its owner wants it to: nobody is told, and nothing of it runs any more. */
  silence(): void {
    this.isOver = true;
  }

  /**
   * Whatever enters a node enters here. A broken invariant ends the node, for what it has in
   * memory is not to be trusted any more; whether the process goes on is for its owner to say.
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
