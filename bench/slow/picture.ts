/** Rates over slowness on two logarithmic axes, with the line of 1/latency, as SVG. */

export interface Point {
  readonly x: number;
  readonly rate: number;
  readonly elections: number;
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 70;
const BOTTOM = 50;
const TOP = 20;

export function pictureOf(points: readonly Point[], axis: string): string {
  const xs = points.map(({ x }) => x);
  const rates = points.map(({ rate }) => Math.max(rate, 1));
  const across = scale(Math.min(...xs), Math.max(...xs), LEFT, WIDTH - 30);
  const least = Math.min(...rates) / 2;
  const up = scale(least, Math.max(...rates) * 1.5, HEIGHT - BOTTOM, TOP);
  const place = (x: number, rate: number) => `${across(x).toFixed(1)},${up(rate).toFixed(1)}`;
  const line = points.map(({ x, rate }) => place(x, Math.max(rate, 1))).join(' ');
  // One over the latency, through the slowest point.
  const last = points.at(-1);
  const product = (last?.x ?? 1) * Math.max(last?.rate ?? 1, 1);
  const ideal = xs
    .filter((x) => product / x <= Math.max(...rates) * 1.5)
    .map((x) => place(x, product / x))
    .join(' ');
  const marks = points.map(({ x, rate, elections }) => {
    const [cx, cy] = [across(x).toFixed(1), up(Math.max(rate, 1)).toFixed(1)];
    const told = `${rate.toFixed(0)}/s, ${elections} elections`;
    return (
      `<circle cx="${cx}" cy="${cy}" r="4" fill="#1f6feb"/>` +
      `<text x="${cx}" y="${Number(cy) - 8}" text-anchor="middle">${told}</text>` +
      `<text x="${cx}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${x}</text>`
    );
  });
  const size = `width="${WIDTH}" height="${HEIGHT}"`;
  const middle = 'text-anchor="middle"';
  const [right, low, half] = [WIDTH - 20, HEIGHT - BOTTOM, HEIGHT / 2];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}"`,
    '  font-family="sans-serif" font-size="11" fill="#57606a">',
    `<title>puts a second over ${axis}</title>`,
    `<rect ${size} fill="#ffffff"/>`,
    `<path d="M${LEFT} ${TOP}V${low}H${right}" fill="none" stroke="#8c959f"/>`,
    `<polyline points="${ideal}" fill="none" stroke="#8c959f" stroke-dasharray="4 4"/>`,
    `<polyline points="${line}" fill="none" stroke="#1f6feb" stroke-width="2"/>`,
    ...marks,
    `<text x="${(LEFT + WIDTH) / 2}" y="${HEIGHT - 10}" ${middle}>${axis}`,
    '(dashed: 1/latency)</text>',
    `<text x="14" y="${half}" transform="rotate(-90 14 ${half})" ${middle}>puts a second,`,
    '64 callers</text>',
    '</svg>\n',
  ].join('\n');
}

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = Math.log(to / from) || 1;
  return (value) => start + (Math.log(value / from) / span) * (end - start);
}
