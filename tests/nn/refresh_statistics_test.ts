import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { environ, nn, random, train } from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

/** Mean and biased variance of each column. */
function moments(rows: readonly (readonly number[])[]): [number[], number[]] {
  const mean = rows[0]!.map((_, j) =>
    rows.reduce((sum, row) => sum + row[j]!, 0) / rows.length
  );
  const variance = mean.map((m, j) =>
    rows.reduce((sum, row) => sum + (row[j]! - m) ** 2, 0) / rows.length
  );
  return [mean, variance];
}

const data = [[1, 20], [3, 10], [-2, 40], [5, 30], [4, 15]];

function assertClose(got: readonly number[], want: readonly number[]) {
  assertEquals(got.length, want.length);
  for (const [i, x] of got.entries()) assertAlmostEquals(x, want[i]!, 1e-4);
}

onEachBackend(
  "refreshed statistics are those of all data, in batches of unequal size",
  async () => {
    const [mean, variance] = moments(data);
    for (const momentum of [0.99, 0]) {
      const model = new nn.Sequential(
        new nn.BatchNorm0d(2, { momentum }),
        new nn.Dropout({ random: new random.RandomState(1) }),
      );
      const norm = model.layers[0] as nn.BatchNorm0d;
      const stream = (model.layers[1] as nn.Dropout).random!;
      const x = tf.tensor2d(data);
      const batches = [
        tf.slice(x, [0, 0], [3, 2]),
        tf.slice(x, [3, 0], [2, 2]),
      ];
      const before = stream.value;
      for (let i = 0; i < 2; i++) { // a second time gives the same
        await nn.refreshStatistics(model, batches);
        assertClose(await numbers(norm.runningMean!.value), mean);
        assertClose(await numbers(norm.runningVar!.value), variance);
      }
      assertEquals(stream.value, before);
      assertEquals(batches.every((batch) => !batch.isDisposed), true);
    }
  },
);

onEachBackend(
  "statistics are refreshed from batches that fit takes",
  async () => {
    const [mean] = moments(data);
    const x = tf.tensor2d(data);
    const norm = new nn.BatchNorm0d(2);
    const batches = train.batches([x, tf.zeros([5])], { batchSize: 3 });
    await assertNoLeak(async () => {
      await nn.refreshStatistics(norm, batches);
      await nn.refreshStatistics(norm, async function* () {
        yield* batches;
      });
      await nn.refreshStatistics(norm, batches, {
        forward: ([x]) => norm.call(x as tf.Tensor2D),
      });
    });
    assertClose(await numbers(norm.runningMean!.value), mean);
  },
);

onEachBackend("a layer that is called twice counts both calls", async () => {
  const norm = new nn.BatchNorm0d(1);
  class Twice extends nn.Module {
    readonly norm = norm;
    override update(x: tf.Tensor2D) {
      return tf.add(this.norm.call(x), this.norm.call(tf.mul(x, -1)));
    }
  }
  await nn.refreshStatistics(new Twice(), [tf.tensor2d([[1], [3]])]);
  assertClose(await numbers(norm.runningMean!.value), [0]);
  assertClose(await numbers(norm.runningVar!.value), [5]);
});

onEachBackend(
  "statistics that cannot be refreshed stay as they were",
  async () => {
    const norm = new nn.BatchNorm0d(2);
    const good = tf.tensor2d(data), bad = tf.ones([2, 3]);
    environ.context({ fit: true }, () => norm.call(good).dispose());
    const before = await numbers(norm.runningMean!.value);
    await assertNoLeak(async () => {
      await assertRejects(
        () => nn.refreshStatistics(norm, [good, bad]),
        RangeError,
        "Cannot call BatchNorm0d",
      );
      await assertRejects(
        () => nn.refreshStatistics(norm, []),
        RangeError,
        "Cannot refresh statistics: the data must give a batch",
      );
      await assertRejects(
        () => nn.refreshStatistics(norm, [good], { forwards: 1 } as never),
        TypeError,
        'there is no option "forwards": did you mean "forward"?',
      );
    });
    assertEquals(await numbers(norm.runningMean!.value), before);
  },
);
