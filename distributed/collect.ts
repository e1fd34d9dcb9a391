import { communicatorOf, type World } from "./world.ts";

/**
 * Bring bytes of all ranks but the first to the first one, one rank after the other.
 *
 * @param bytesOf Gives those of this rank.
 * @returns On the first rank those of the others, in their order; elsewhere none.
 */
export async function collect(
  world: World,
  bytesOf: () => Promise<Uint8Array>,
): Promise<Uint8Array[]> {
  world.barrier(); // where ranks that are elsewhere find out
  const { rank, size } = world, mpi = communicatorOf(world);
  const all: Uint8Array[] = [];
  for (let owner = 1; owner < size; owner++) {
    const own = owner === rank ? await bytesOf() : undefined;
    const length = Float64Array.of(own?.length ?? 0);
    mpi.broadcast(length, owner);
    const bytes = own ?? new Uint8Array(length[0]!);
    mpi.broadcast(bytes, owner);
    if (rank === 0) all.push(bytes);
  }
  return all;
}
