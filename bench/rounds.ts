/**
 * Sides that are compared run one after the other in each round, and another one is first each time: what disturbs the
 * machine for a while, or what a side leaves behind on the disk, meets all of them alike.
 */
export async function alternate<Side extends string, Result>(
  rounds: number,
  sides: readonly Side[],
  measure: (side: Side, round: number) => Promise<Result>,
): Promise<Readonly<Record<Side, readonly Result[]>>> {
  const results = Object.fromEntries(sides.map((side) => [side, []])) as unknown as Record<Side, Result[]>
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = sides[(round + turn) % sides.length]!
      results[side].push(await measure(side, round))
    }
  }
  return results
}
