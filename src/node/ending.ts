/** Why a node ends by itself: the first reason counts. */

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
}
