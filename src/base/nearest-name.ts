/** The known name that a mistyped one probably stands for. */

/** Undefined if none is near: a wrong guess is worse than none. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const given = name.slice(0, LENGTH_MAX).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(given, candidate.toLowerCase());
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Longer names are not compared, because the cost is the product of both lengths. */
const LENGTH_MAX = 64;

/** Characters to insert, to leave out or to replace; two neighbours swapped count as one. */
function editDistance(one: string, other: string): number {
  let before: readonly number[] = [];
  let above: readonly number[] = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const here = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const ways = [
        at(above, column) + 1,
        at(here, column - 1) + 1,
        at(above, column - 1) + (isSame ? 0 : 1),
      ];
      if (row > 1 && column > 1 && isSwapped) ways.push(at(before, column - 2) + 1);
      here.push(Math.min(...ways));
    }
    before = above;
    above = here;
  }
  return at(above, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0;
}
