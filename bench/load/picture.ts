/** Operations a second as bars, a group for each workload and number of clients, as SVG. */

import type { Row } from './results.ts';

const COLOURS: Readonly<Record<string, string>> = {
  ringkv: '#1f6feb',
  etcd: '#8c959f',
  redis: '#d1242f',
  'etcd-generator': '#57606a',
};
const BAR = 18;
const GAP = 14;
const LEFT = 130;
const WIDTH = 720;
const TOP = 34;

/** Bars are the medians; lines over them reach from the least to the most. */
export function pictureOf(rows: readonly Row[]): string {
  const most = Math.max(1, ...rows.map(({ rate }) => rate.most));
  const across = (rate: number) => LEFT + ((WIDTH - LEFT - 90) * rate) / most;
  const parts: string[] = [];
  let y = TOP;
  let group = '';
  for (const { workload, clients, system, offeredPercent, rate } of sorted(rows)) {
    const own =
      offeredPercent === undefined ? `${workload}, ${clients}` : `${workload}, ${offeredPercent} %`;
    if (own !== group) {
      y += group === '' ? 0 : GAP;
      parts.push(`<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${own}</text>`);
      group = own;
    }
    const [end, least, greatest] = [rate.middle, rate.least, rate.most].map((value) =>
      across(value).toFixed(1),
    );
    const middle = y + BAR / 2;
    parts.push(
      `<rect x="${LEFT}" y="${y + 2}" width="${(Number(end) - LEFT).toFixed(1)}" ` +
        `height="${BAR - 4}" fill="${COLOURS[system] ?? '#57606a'}"/>`,
      `<path d="M${least} ${middle}H${greatest}" stroke="#1f2328" stroke-width="1.5"/>`,
      `<text x="${Number(greatest) + 6}" y="${y + 13}">${Math.round(rate.middle)}</text>`,
    );
    y += BAR;
  }
  const systems = [...new Set(rows.map(({ system }) => system))];
  const legend = systems.map((system, at) => {
    const x = LEFT + at * 90;
    const mark = `<rect x="${x}" y="8" width="12" height="12" fill="${COLOURS[system]}"/>`;
    return `${mark}<text x="${x + 18}" y="18">${system}</text>`;
  });
  const height = y + 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"`,
    '  font-family="sans-serif" font-size="12" fill="#57606a">',
    '<title>operations a second, by workload and clients</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...legend,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** Rows of one workload and number of clients stand together. */
function sorted(rows: readonly Row[]): readonly Row[] {
  const caseOf = ({ workload, clients, offeredPercent }: Row) =>
    `${workload} ${clients} ${offeredPercent}`;
  const cases = [...new Set(rows.map(caseOf))];
  return cases.flatMap((name) => rows.filter((row) => caseOf(row) === name));
}
