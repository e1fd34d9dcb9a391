/**
 * Training runs that stop and resume, for each optimizer. Prints a digest of
 * everything that training has brought about, as JSON by optimizer.
 *
 * Arguments: `start`, which also runs straight through, or `resume`; the folder of
 * the checkpoints; backend, threads, and names of optimizers, separated by commas.
 *
 * @module
 */
import {
  autodiff,
  type BackendName,
  environ,
  loadCheckpoint,
  nn,
  optim,
  ParamState,
  random,
  saveCheckpoint,
  tf,
  train,
  useBackend,
} from "../../mod.ts";

const STEPS = 40, STOP = 17;

/** What an optimizer needs besides a rate. */
const OPTIONS: Record<string, Record<string, unknown>> = {
  SGD: { momentum: 0.9, nesterov: true, weightDecay: 0.01 },
  Adam: { amsgrad: true },
  AdamW: { gradClipNorm: 1 },
  RMSprop: { centered: true, momentum: 0.5 },
};

type AnyOptimizer = optim.Optimizer<optim.OptimizerOptions>;

function makeOptimizer(name: string): AnyOptimizer {
  const lr = new optim.CosineAnnealingLR({ baseLr: 0.01, tMax: STEPS });
  const around = {
    Cautious: optim.Cautious,
    GradientCentralization: optim.GradientCentralization,
    Lookahead: optim.Lookahead,
    Sam: optim.Sam,
  };
  if (name in around) {
    const Class = around[name as keyof typeof around];
    return new Class({ lr, baseOptimizer: optim.adam() }) as AnyOptimizer;
  }
  if (name === "LBFGS") {
    return new optim.LBFGS({ lr: 1, linesearch: "zoom" }) as AnyOptimizer;
  }
  const Class = (optim as unknown as Record<
    string,
    new (options: object) => AnyOptimizer
  >)[name]!;
  return new Class({ lr, ...OPTIONS[name] });
}

class Classifier extends nn.Module {
  readonly embedding = new nn.Embedding(20, 4);
  readonly hidden = new nn.Linear(12, 8);
  readonly norm = new nn.BatchNorm0d(8);
  readonly dropout = new nn.Dropout<tf.Tensor2D>({ rate: 0.3 });
  readonly own = new nn.Dropout<tf.Tensor2D>({
    rate: 0.2,
    random: new random.RandomState(5),
  });
  readonly out = new nn.Linear(8, 5);

  override update(tokens: tf.Tensor2D): tf.Tensor2D {
    const vectors = this.embedding.call(tokens);
    const x = tf.reshape<tf.Rank.R2>(vectors, [tokens.shape[0], 12]);
    const hidden = this.norm.call(this.hidden.call(x));
    return this.out.call(this.own.call(this.dropout.call(tf.relu(hidden))));
  }
}

/** One run of training, at its beginning. */
function begin(name: string) {
  random.seed(11);
  const model = new Classifier();
  const params = model.states(ParamState);
  const optimizer = makeOptimizer(name).registerTrainableWeights(params);
  const tokens = Int32Array.from({ length: 150 }, (_, i) => i * i * 7 % 20);
  const labels = Int32Array.from({ length: 50 }, (_, i) => i * 3 % 5);
  const batches = train.batches([train.column(tokens, [3]), labels], {
    batchSize: 8,
    shuffle: true,
  });
  return { model, params, optimizer, batches, losses: [] as number[] };
}

type Run = ReturnType<typeof begin>;

async function go(run: Run, steps: number) {
  const { model, params, optimizer, batches, losses } = run;
  const lossOf = (x: tf.Tensor, y: tf.Tensor) => {
    const logits = model.call(x as tf.Tensor2D);
    return tf.mean<tf.Scalar>(nn.softmaxCrossEntropy(logits, y));
  };
  while (losses.length < steps) {
    for (const [x, y] of batches) {
      const closure = autodiff.grad(
        () => environ.context({ fit: true }, () => lossOf(x, y)),
        { states: params, returnValue: true },
      );
      if (optimizer instanceof optim.LBFGS) {
        losses.push(await optimizer.step(closure));
      } else if (
        optimizer instanceof optim.Sam || optimizer instanceof optim.Sophia
      ) {
        const loss = train.step(() => lossOf(x, y), optimizer)();
        losses.push((await loss.data())[0]!);
        loss.dispose();
      } else {
        const [grads, loss] = closure();
        losses.push((await loss.data())[0]!);
        loss.dispose();
        optimizer.step(grads);
      }
      optimizer.lrScheduler.step();
      if (losses.length === steps) break;
    }
  }
}

const parts = ({ model, optimizer, batches }: Run) => ({
  model,
  optimizer,
  batches,
  random: random.default,
});

/** The bits of everything, and the losses after the stop. */
async function digest(run: Run): Promise<string> {
  const texts: unknown[] = [run.losses.slice(STOP)];
  const collect = async (value: unknown): Promise<void> => {
    if (value instanceof tf.Tensor) {
      const { buffer, byteOffset, byteLength } = await value.data();
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      texts.push(value.shape, bytes.toHex());
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        texts.push(key);
        await collect(item);
      }
    } else texts.push(Deno.inspect(value));
  };
  for (const [path, state] of Object.entries(run.model.states())) {
    texts.push(path);
    await collect(state.value);
  }
  const dict = run.optimizer.stateDict();
  await collect(dict);
  tf.dispose(dict.slots as unknown as tf.TensorContainer);
  texts.push(run.optimizer.currentLr, run.optimizer.getLastLr());
  texts.push(random.default.value, random.default.words(3));
  texts.push(run.batches.stateDict());
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(hash).toHex();
}

if (import.meta.main) {
  const [mode, folder, backend, threads, names] = Deno.args;
  await useBackend(backend as BackendName, { threads: Number(threads) });
  const digests: Record<string, string> = {};
  for (const name of names!.split(",")) {
    const path = `${folder}/${name}.ckpt`;
    if (mode === "start") {
      const straight = begin(name);
      await go(straight, STEPS);
      digests[name] = await digest(straight);
      const stopped = begin(name);
      await go(stopped, STOP);
      const losses = [...stopped.losses];
      const saved = saveCheckpoint(path, { ...parts(stopped), losses });
      // Saving goes on while the run does, and neither notices the other. The
      // run has stopped in the middle of a pass.
      stopped.batches.loadStateDict(stopped.batches.stateDict());
      await go(stopped, STEPS);
      if (await digest(stopped) !== digests[name]) {
        throw new Error(`${name}: saving has changed the run`);
      }
      await saved;
    } else {
      const run = begin(name);
      random.seed(99);
      const { data } = await loadCheckpoint(path, {
        ...parts(run),
        losses: run.losses,
      });
      run.losses.push(...data.losses);
      await go(run, STEPS);
      digests[name] = await digest(run);
    }
  }
  console.log(JSON.stringify(digests));
}
