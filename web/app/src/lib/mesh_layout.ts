/** Where nodes stand in the picture of the mesh. Pure. */

export interface Point {
  x: number;
  y: number;
}

/** Nodes that are drawn; a picture of more is none. */
export const drawnMax = 60;
/** Nodes whose names are written beside them. */
export const namedMax = 20;

/**
 * `count` places on rings around the middle of a `width` × `height` picture, evenly spaced, the first
 * at the top. At most 20 on the innermost.
 */
export function rings(count: number, width: number, height: number): Point[] {
  const out: Point[] = [];
  const capacity = [20, 40];
  const needed = count > 20 ? 2 : 1;
  let left = count;
  for (let ring = 0; ring < needed; ++ring) {
    const here = ring === needed - 1 ? left : Math.min(left, capacity[ring] ?? left);
    const share = needed === 1 ? 0.78 : 0.5 + 0.38 * ring;
    for (let i = 0; i < here; ++i) {
      const angle = (2 * Math.PI * i) / here - Math.PI / 2;
      out.push({
        x: width / 2 + (share * width * Math.cos(angle)) / 2,
        y: height / 2 + (share * height * Math.sin(angle)) / 2,
      });
    }
    left -= here;
  }
  return out;
}

/** How thick the line of a rate is: 1 to 8, by its logarithm. */
export const thickness = (bytesPerSecond: number): number =>
  bytesPerSecond <= 0 ? 1 : Math.min(8, 1 + Math.log10(1 + bytesPerSecond / 1024));
