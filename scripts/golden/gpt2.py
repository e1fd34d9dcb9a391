"""What Hugging Face's GPT-2 computes with random weights.

Writes tests/golden/models/gpt2*: the same weights with and without the prefix
`transformer.`, logits, loss, gradients, greedy tokens, and the probabilities that
its filters of scores leave. Run from the root of the repository:

    python scripts/golden/gpt2.py

Made with torch 2.13.0, transformers 5.24.0 and safetensors 0.8.0.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation.logits_process import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

OUT = Path("tests/golden/models")
OUT.mkdir(parents=True, exist_ok=True)
torch.manual_seed(5)

config = GPT2Config(vocab_size=23, n_positions=20, n_embd=8, n_layer=2, n_head=2)
model = GPT2LMHeadModel(config).eval()
for name, parameter in model.named_parameters():
    # Larger than at the beginning of training, so that every part matters.
    around = 1 if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")) else 0
    torch.nn.init.normal_(parameter, around, 0.4)

weights = {
    name: tensor
    for name, tensor in model.state_dict().items()
    if name != "lm_head.weight"  # it is wte.weight
}
save_file(weights, OUT / "gpt2_prefixed.safetensors", {"format": "pt"})
bare = {name.removeprefix("transformer."): t.clone() for name, t in weights.items()}
for layer in range(config.n_layer):  # as in the published files
    bare[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 4, 4).tril()
save_file(bare, OUT / "gpt2.safetensors", {"format": "pt"})

tokens = torch.randint(0, config.vocab_size, (2, 9))
output = model(tokens, labels=tokens)
output.loss.backward()
grads = {
    name: dict(model.named_parameters())[f"transformer.{name}"].grad.flatten().tolist()
    for name in ["wte.weight", "wpe.weight", "h.0.attn.c_attn.weight", "h.1.mlp.c_fc.bias"]
}

prompts = [[1], [7, 3, 11], [0, 22, 5, 5, 9]]
greedy = []
for prompt in prompts:
    generated = model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)),
        max_new_tokens=12, do_sample=False, pad_token_id=0,
        eos_token_id=None,
    )
    greedy.append(generated[0, len(prompt):].tolist())

scores = torch.randn(1, 40) * 3
filters = []
for temperature, top_k, top_p in [
    (1.0, None, 1.0),
    (0.5, None, 1.0),
    (2.0, 5, 1.0),
    (1.0, None, 0.7),
    (1.5, None, 0.95),
    (0.8, 10, 0.5),
    (1.0, 1, 1.0),
    (1.0, None, 0.01),
]:
    kept = TemperatureLogitsWarper(temperature)(None, scores)
    if top_k is not None:
        kept = TopKLogitsWarper(top_k)(None, kept)
    if top_p < 1:
        kept = TopPLogitsWarper(top_p)(None, kept)
    filters.append(
        {
            "temperature": temperature,
            "topK": top_k,
            "topP": top_p,
            "probabilities": torch.softmax(kept.double(), -1)[0].tolist(),
        }
    )

(OUT / "gpt2.json").write_text(
    json.dumps(
        {
            "tokens": tokens.tolist(),
            "logits": output.logits.tolist(),
            "loss": output.loss.item(),
            "grads": grads,
            "prompts": prompts,
            "greedy": greedy,
            "scores": scores[0].tolist(),
            "filters": filters,
        },
        separators=(",", ":"),
    )
    + "\n"
)
