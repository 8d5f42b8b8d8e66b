/**
 * A placement under construction: which node holds which arc, and which changes the zones allow.
 */

import { assert } from '../base/assert.ts';
import type { Spread } from './spread.ts';

/** Nodes are indexes into `ring.nodes` here. */
export class Draft {
  readonly arcs: number;
  /** Replicas held by each node. */
  readonly loads: number[];
  readonly #spread: Spread;
  readonly #nodes: number;
  readonly #zones: number;
  /** For each arc and node, whether it holds: 1 or 0. */
  readonly #holds: Uint8Array;
  readonly #perZone: Uint16Array;
  readonly #holders: number[][];
  /** For each arc, the replicas its zones hold beyond what each must. */
  readonly #extras: Uint16Array;

  constructor({ arcs, spread }: { readonly arcs: number; readonly spread: Spread }) {
    this.arcs = arcs;
    this.#spread = spread;
    this.#nodes = spread.zoneOf.length;
    this.#zones = spread.least.length;
    this.#holds = new Uint8Array(arcs * this.#nodes);
    this.#perZone = new Uint16Array(arcs * this.#zones);
    this.#extras = new Uint16Array(arcs);
    this.#holders = Array.from({ length: arcs }, () => []);
    this.loads = spread.zoneOf.map(() => 0);
  }

  holdersOf(arc: number): readonly number[] {
    return this.#holders[arc] as number[];
  }

  holds(arc: number, node: number): boolean {
    return this.#holds[arc * this.#nodes + node] === 1;
  }

  isComplete(arc: number): boolean {
    return this.vacanciesOf(arc) === 0;
  }

  vacanciesOf(arc: number): number {
    return this.#spread.replicas - this.holdersOf(arc).length;
  }

  put(arc: number, node: number): void {
    assert(!this.holds(arc, node), 'replicas lie on distinct nodes');
    const zone = this.#zoneOf(node);
    if (this.#countIn(arc, zone) >= this.#leastIn(zone)) this.#addExtra(arc, 1);
    this.#perZone[arc * this.#zones + zone] = this.#countIn(arc, zone) + 1;
    this.#holds[arc * this.#nodes + node] = 1;
    this.#holders[arc]?.push(node);
    this.loads[node] = (this.loads[node] as number) + 1;
  }

  remove(arc: number, node: number): void {
    assert(this.holds(arc, node), 'a removed replica was placed there');
    const zone = this.#zoneOf(node);
    this.#perZone[arc * this.#zones + zone] = this.#countIn(arc, zone) - 1;
    if (this.#countIn(arc, zone) >= this.#leastIn(zone)) this.#addExtra(arc, -1);
    this.#holds[arc * this.#nodes + node] = 0;
    this.#holders[arc] = this.holdersOf(arc).filter((holder) => holder !== node);
    this.loads[node] = (this.loads[node] as number) - 1;
  }

  /** Whether an arc that is not complete may get this node, and still become complete. */
  fits(arc: number, node: number): boolean {
    return !this.holds(arc, node) && this.zoneHasRoom(arc, node);
  }

  /** Whether the zone of this node may hold one more replica of the arc. */
  zoneHasRoom(arc: number, node: number): boolean {
    const zone = this.#zoneOf(node);
    const count = this.#countIn(arc, zone);
    if (count < this.#leastIn(zone)) return true;
    return count < this.#mostIn(zone) && this.#extrasOf(arc) < this.#spread.extras;
  }

  /** Whether a complete arc may have one node in the place of another. */
  canSwap(arc: number, from: number, to: number): boolean {
    if (this.holds(arc, to)) return false;
    const zoneFrom = this.#zoneOf(from);
    const zoneTo = this.#zoneOf(to);
    if (zoneFrom === zoneTo) return true;
    return (
      this.#countIn(arc, zoneFrom) > this.#leastIn(zoneFrom) &&
      this.#countIn(arc, zoneTo) < this.#mostIn(zoneTo)
    );
  }

  /** One node takes the place of another in a complete arc. */
  swap(arc: number, from: number, to: number): void {
    assert(this.canSwap(arc, from, to), 'the spread allows the swap');
    this.remove(arc, from);
    this.put(arc, to);
  }

  /**
   * The holders of which one must be removed, because a zone holds too much of the arc; or none.
   */
  excessOf(arc: number): readonly number[] {
    const holders = this.holdersOf(arc);
    const above = (limitOf: (zone: number) => number) =>
      holders.filter(
        (node) => this.#countIn(arc, this.#zoneOf(node)) > limitOf(this.#zoneOf(node)),
      );
    const tooMany = above((zone) => this.#mostIn(zone));
    if (tooMany.length > 0 || this.#extrasOf(arc) <= this.#spread.extras) return tooMany;
    return above((zone) => this.#leastIn(zone));
  }

  #zoneOf(node: number): number {
    return this.#spread.zoneOf[node] as number;
  }

  #countIn(arc: number, zone: number): number {
    return this.#perZone[arc * this.#zones + zone] as number;
  }

  #leastIn(zone: number): number {
    return this.#spread.least[zone] as number;
  }

  #mostIn(zone: number): number {
    return this.#spread.most[zone] as number;
  }

  #extrasOf(arc: number): number {
    return this.#extras[arc] as number;
  }

  #addExtra(arc: number, change: number): void {
    this.#extras[arc] = this.#extrasOf(arc) + change;
  }
}
