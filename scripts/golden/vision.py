"""What torchvision's and timm's models compute with random weights.

Writes tests/golden/models/: small versions of ResNet, MobileNetV2 and the vision
transformer, with their weights and outputs, and an encoder layer of torch. Run from the
root of the repository:

    python scripts/golden/vision.py

With `--full FOLDER` it writes the published sizes there instead, with random weights.

Made with torch 2.13.0, torchvision 0.28.0, timm 1.0.31 and safetensors 0.8.0.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torchvision.models import MobileNetV2, ResNet, mobilenet_v2, resnet18
from torchvision.models.resnet import BasicBlock

torch.manual_seed(11)


class SmallResNet(ResNet):
    """torchvision's network with few channels."""

    def __init__(self, widths, blocks, classes):
        super().__init__(BasicBlock, [1, 1, 1, 1], num_classes=classes)
        self.inplanes = widths[0]
        self.conv1 = torch.nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(widths[0])
        for i, (width, count) in enumerate(zip(widths, blocks)):
            stage = self._make_layer(BasicBlock, width, count, 1 if i == 0 else 2)
            setattr(self, f"layer{i + 1}", stage)
        self.fc = torch.nn.Linear(widths[-1], classes)


def images(batch, size):
    """Numbers that the tests compute too."""
    count = batch * size * size * 3
    flat = (torch.arange(count) * 37 % 101).float() / 50 - 1
    return flat.reshape(batch, size, size, 3).permute(0, 3, 1, 2).contiguous()


def randomize(model):
    """Weights of which each matters: not the 0 and 1 that training begins with."""
    for name, x in model.state_dict().items():
        if name.endswith("running_var"):
            torch.nn.init.uniform_(x, 0.5, 1.5)
        elif x.dtype == torch.float32 and x.dim() < 2:
            x.add_(torch.randn_like(x) * 0.1)
        elif x.dim() == 3:  # the token and the positions of the transformer
            x.copy_(torch.randn_like(x) * 0.3)


def save(model, file, half=False):
    if half:  # few bytes, and numbers that float32 has too
        for x in model.state_dict().values():
            if x.dtype == torch.float32:
                x.copy_(x.half())
    weights = {
        name: x.half() if half and x.dtype == torch.float32 else x.contiguous()
        for name, x in model.state_dict().items()
    }
    save_file(weights, file, {"format": "pt"})


def evaluated(model, x):
    with torch.no_grad():
        return model.eval()(x).tolist()


if "--full" in sys.argv:
    folder = Path(sys.argv[sys.argv.index("--full") + 1])
    folder.mkdir(parents=True, exist_ok=True)
    outputs = {}
    for name, model in {
        "resnet18": resnet18(),
        "mobilenet_v2": mobilenet_v2(),
        "vit_tiny": VisionTransformer(embed_dim=192, depth=12, num_heads=3),
    }.items():
        randomize(model)
        save(model, folder / f"{name}.safetensors")
        outputs[name] = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "y": evaluated(model, images(2, 224)),
        }
    (folder / "full.json").write_text(json.dumps(outputs))
    sys.exit()

OUT = Path("tests/golden/models")
OUT.mkdir(parents=True, exist_ok=True)
expected = {}

resnet = SmallResNet([4, 6, 8, 10], [2, 1, 1, 1], 5)
randomize(resnet)
save(resnet, OUT / "resnet.safetensors")
x = images(3, 40)
expected["resnet"] = {"y": evaluated(resnet, x)}
with torch.no_grad():
    expected["resnet"]["trained"] = resnet.train()(x).tolist()
expected["resnet"]["bn1.running_mean"] = resnet.bn1.running_mean.tolist()
expected["resnet"]["bn1.running_var"] = resnet.bn1.running_var.tolist()

mobilenet = MobileNetV2(
    num_classes=2,
    width_mult=0.25,
    inverted_residual_setting=[[1, 32, 1, 1], [3, 64, 2, 2]],
)
randomize(mobilenet)
save(mobilenet, OUT / "mobilenet.safetensors", half=True)
expected["mobilenet"] = {"y": evaluated(mobilenet, images(2, 32))}

vit = VisionTransformer(
    img_size=16, patch_size=4, num_classes=5, embed_dim=12, depth=2, num_heads=3
)
randomize(vit)
save(vit, OUT / "vit.safetensors")
expected["vit"] = {"y": evaluated(vit, images(2, 16))}

encoder = torch.nn.TransformerEncoderLayer(
    8, 2, 12, activation="gelu", norm_first=True, batch_first=True, layer_norm_eps=1e-6
)
randomize(encoder)
save(encoder, OUT / "encoder.safetensors")
x = torch.randn(2, 4, 8)
expected["encoder"] = {"x": x.tolist(), "y": evaluated(encoder, x)}

cells = torch.nn.ModuleDict(
    {
        "lstm": torch.nn.LSTM(3, 4, batch_first=True),
        "deconv": torch.nn.ConvTranspose2d(4, 2, (2, 3), stride=2),
    }
)
save(cells, OUT / "cells.safetensors")
x, image = torch.randn(2, 5, 3), torch.randn(1, 4, 3, 3)
with torch.no_grad():
    expected["cells"] = {
        "x": x.tolist(),
        "y": cells["lstm"](x)[0].tolist(),
        "image": image.permute(0, 2, 3, 1).tolist(),
        "deconv": cells["deconv"](image).permute(0, 2, 3, 1).tolist(),
    }

(OUT / "vision.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
