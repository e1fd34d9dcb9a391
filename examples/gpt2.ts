/**
 * Continues a text with a published GPT-2, one token after the other.
 *
 * ```sh
 * deno run -A examples/gpt2.ts --folder gpt2 --prompt "The meaning of life is"
 * ```
 *
 * The folder has the files of the model, which can be downloaded from
 * https://huggingface.co/openai-community/gpt2/tree/main: `config.json`,
 * `model.safetensors` (or shards and their index), `tokenizer.json` and
 * `tokenizer_config.json`.
 */
import { random, useBackend } from "@braintape/braintape";
import { Gpt2, loadPretrained } from "@braintape/braintape/models";
import { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";
import { main, parseOptions } from "./_cli.ts";

async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await Deno.readTextFile(path).catch(() => {
    throw new RangeError(
      `Cannot read ${path}: --folder must name a folder with the files of a GPT-2: examples/gpt2.ts says where they are`,
    );
  });
  return JSON.parse(text);
}

/** The model of a folder, with its published sizes and weights. */
async function readModel(
  folder: string,
  config: Record<string, unknown>,
): Promise<Gpt2> {
  const size = (name: string) => config[name] as number;
  const model = new Gpt2({
    vocabulary: size("vocab_size"),
    context: size("n_positions"),
    width: size("n_embd"),
    layers: size("n_layer"),
    heads: size("n_head"),
  });
  const whole = `${folder}/model.safetensors`;
  const isWhole = await Deno.stat(whole).then(() => true, () => false);
  await loadPretrained(isWhole ? whole : `${whole}.index.json`, model);
  return model;
}

await main(async () => {
  const options = parseOptions("Continues a text with GPT-2.", {
    folder: { default: "gpt2", help: "the folder of the model" },
    prompt: { default: "The meaning of life is", help: "how the text begins" },
    tokens: { default: 50, help: "how many tokens to write at most", min: 1 },
    temperature: { default: 0.8, help: "0 takes the likeliest token" },
    topK: {
      default: 50,
      help: "how many of the likeliest may be drawn",
      min: 1,
    },
    topP: { default: 0.95, help: "the probability that they have together" },
    seed: { default: 1, help: "the seed of what is drawn" },
    backend: {
      default: "auto",
      help: "the backend",
      choices: ["auto", "webgpu", "wasm", "cpu"],
    },
  });
  const { folder, prompt, temperature, topK, topP } = options;
  await useBackend(options.backend as "auto");
  const tokenizer = new Tokenizer(
    await readJson(`${folder}/tokenizer.json`),
    await readJson(`${folder}/tokenizer_config.json`),
  );
  const config = await readJson(`${folder}/config.json`);
  const model = await readModel(folder, config);
  const print = (text: string) =>
    Deno.stdout.writeSync(new TextEncoder().encode(text));

  const ids: number[] = tokenizer.encode(prompt).ids;
  const written: number[] = [];
  let shown = "";
  print(prompt);
  const started = performance.now();
  for await (
    const token of model.generate(ids, {
      maxTokens: Math.min(options.tokens, model.context - ids.length),
      temperature,
      topK,
      topP,
      random: new random.RandomState(options.seed),
      stop: config["eos_token_id"] as number, // the end of a text
    })
  ) {
    written.push(token);
    const text: string = tokenizer.decode(written);
    // A token may end within a character: the next ones complete it.
    if (text.endsWith("\uFFFD")) continue;
    print(text.slice(shown.length));
    shown = text;
  }
  print(tokenizer.decode(written).slice(shown.length));
  const seconds = (performance.now() - started) / 1000;
  console.log(`\n${(written.length / seconds).toFixed(1)} tokens a second`);
});
