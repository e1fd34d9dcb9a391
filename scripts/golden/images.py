"""Small images and their pixels, by Pillow and PyTorch.

    python scripts/golden/images.py

writes tests/golden/images/. Made with Pillow 13.0.0 and torch 2.13.0.
"""

import base64
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "images"
OUT.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(3)
H, W = 9, 13

y, x = np.mgrid[0:24, 0:40]
smooth = np.stack([
    127 + 100 * np.sin(x / 9), 127 + 100 * np.cos(y / 7), 127 + 100 * np.sin((x + y) / 11),
], axis=-1).astype(np.uint8)
noise = random.integers(0, 256, (H, W, 4), dtype=np.uint8)

files = {
    "rgb.png": (Image.fromarray(noise[..., :3]), {}),
    "rgba.png": (Image.fromarray(noise, "RGBA"), {}),
    "gray.png": (Image.fromarray(noise[..., 0]), {}),
    "gray_alpha.png": (Image.fromarray(noise[..., :2], "LA"), {}),
    "bits.png": (Image.fromarray(noise[..., 0] > 127), {}),
    "palette16.png": (Image.fromarray(noise[..., :3]).quantize(16), {"bits": 4}),
    "palette256.png": (Image.fromarray(noise[..., :3]).quantize(200), {}),
    "palette_clear.png": (Image.fromarray(noise[..., :3]).quantize(16), {"bits": 4, "transparency": 2}),
    "deep.png": (Image.fromarray(noise[..., 0].astype(np.uint16) * 257), {}),
    "smooth.jpg": (Image.fromarray(smooth), {"quality": 90}),
    "smooth444.jpg": (Image.fromarray(smooth), {"quality": 90, "subsampling": 0}),
    "progressive.jpg": (Image.fromarray(smooth), {"quality": 90, "progressive": True}),
    "gray.jpg": (Image.fromarray(smooth[..., 0]), {"quality": 90}),
}


def bytes_of(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype=np.uint8).tobytes()).decode()


pixels = {}
for name, (image, options) in files.items():
    image.save(OUT / name, **options)
    if name == "deep.png":
        continue
    read = Image.open(OUT / name)
    pixels[name] = {
        mode: bytes_of(np.asarray(read.convert(mode))) for mode in ["RGB", "L"]
    } | {"height": read.height, "width": read.width}

resized = []
for size in [(4, 5), (9, 13), (20, 29), (3, 40), (1, 1)]:
    for antialias in [True, False]:
        t = torch.tensor(noise[..., :3], dtype=torch.float64).permute(2, 0, 1)[None]
        out = F.interpolate(t, size=size, mode="bilinear", align_corners=False, antialias=antialias)
        resized.append({
            "size": size,
            "antialias": antialias,
            "values": [round(v, 3) for v in out[0].permute(1, 2, 0).reshape(-1).tolist()],
        })

(OUT / "pixels.json").write_text(
    json.dumps({"pixels": pixels, "source": {"shape": [H, W, 3], "data": bytes_of(noise[..., :3])},
                "resized": resized}, separators=(",", ":")) + "\n")
