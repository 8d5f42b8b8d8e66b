/** Why a node ends by itself: the first reason counts, and nothing of it runs afterwards. */

export class Ending {
  readonly promise: Promise<string>;
  #resolve: (reason: string) => void = () => {};
  isOver = false;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  end(reason: string): void {
    this.isOver = true;
    this.#resolve(reason);
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
      this.end(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
}
