// A connection that is made afresh until it holds, or nobody wants it any more: `afresh` makes it, and gives
// nothing where it could not; `number` says which one it is, for what comes late from an earlier one.
export const RETRY = 1500;

export class Again {
  constructor(given) {
    Object.assign(this, given);
    this.tracks = { mic: null, camera: null, screen: null };
    this.bindings = new Map();
    this.wanted = false;
    this.number = 0;
  }

  async open() {
    this.wanted = true;
    return this.afresh();
  }

  close() {
    this.wanted = false;
    this.number += 1;
    clearTimeout(this.timer);
  }

  again(after = 0) {
    clearTimeout(this.timer);
    if (this.wanted) this.timer = setTimeout(() => this.#retry(), after);
  }

  async #retry() {
    if (!this.wanted) return;
    this.onstate("again");
    try {
      if (!(await this.afresh())) this.again(RETRY);
    } catch {
      this.again(RETRY);
    }
  }
}
