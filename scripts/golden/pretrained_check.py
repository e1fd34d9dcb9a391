"""Reads what savePretrained() writes, and compares outputs.

PyTorch loads each file without a name missing or left over, and computes what was
computed here. Run from the root of the repository:

    python scripts/golden/pretrained_check.py

Tried with torch 2.13.0, torchvision 0.28.0, timm 1.0.31 and transformers 5.24.0.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer
from torchvision.models import mobilenet_v2, resnet18
from transformers import GPT2Config, GPT2LMHeadModel

folder = Path(tempfile.mkdtemp())
subprocess.run(
    ["deno", "run", "-A", "scripts/golden/pretrained_write.ts", str(folder)], check=True
)


def images(size):
    """Numbers that the script in TypeScript computes too."""
    flat = (torch.arange(size * size * 3) * 37 % 101).float() / 50 - 1
    return flat.reshape(1, size, size, 3).permute(0, 3, 1, 2)


def compare(name, y):
    ours = torch.tensor(json.loads((folder / name / "output.json").read_text()))
    error = (y.flatten() - ours).abs().max().item()
    print(f"{name}: largest difference {error:.1e}, of {ours.abs().max().item():.1e}")
    assert error < 1e-4, name


with torch.no_grad():
    config = GPT2Config(vocab_size=23, n_positions=20, n_embd=8, n_layer=2, n_head=2)
    config.save_pretrained(folder / "gpt2")
    gpt2, info = GPT2LMHeadModel.from_pretrained(
        folder / "gpt2", output_loading_info=True
    )
    assert not any(info.values()), info
    compare("gpt2", gpt2.eval()(torch.tensor([[1, 5, 7, 22]])).logits)
    for name, model, size in [
        ("resnet18", resnet18(), 64),
        ("mobilenet_v2", mobilenet_v2(), 64),
        ("vit_tiny", VisionTransformer(embed_dim=192, depth=12, num_heads=3), 224),
    ]:
        model.load_state_dict(load_file(folder / name / "model.safetensors"))
        compare(name, model.eval()(images(size)))
print("PyTorch reads what we write")
