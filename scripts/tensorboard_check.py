"""Reads what train/tensorboard.ts writes with TensorBoard's own event reader.

    pip install tensorboard==2.20.0
    python scripts/tensorboard_check.py

Needs `deno` on the path. Ends with status 1 if a value differs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.backend.event_processing import event_file_loader

ROOT = pathlib.Path(__file__).parent.parent

WRITER = """
import { EventWriter, histogram } from "./train/tensorboard.ts";
const [folder] = Deno.args;
const scalars = [];
const histograms = [];
const writer = await EventWriter.create(folder!);
for (let step = 0; step < 300; step++) {
  const value = Math.fround(Math.sin(step) * 10 ** (step % 13 - 6));
  await writer.scalar("train/loss \\u00e9", value, step * 2 ** 24);
  scalars.push([step * 2 ** 24, value]);
}
const sets = [[0], [], [1, 2, 2, -3, 0, NaN, Infinity], [1e-13, -1e-13, 1e25, -1e25],
  Array.from({ length: 5000 }, (_, i) => Math.sin(i) * Math.exp(i % 17 - 8))];
for (const [step, values] of sets.entries()) {
  await writer.histogram("layers.0.weight", values, step);
  histograms.push(histogram(values));
}
writer.close();
console.log(JSON.stringify({ path: writer.path, scalars, histograms }));
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        script = ROOT / ".tensorboard_check.ts"
        script.write_text(WRITER)
        try:
            run = subprocess.run(
                ["deno", "run", "-A", "--no-check", script.name, folder],
                cwd=ROOT, check=True, capture_output=True, text=True)
        finally:
            script.unlink()
        expected = json.loads(run.stdout, parse_int=float)

        # The raw events, checksums verified by TensorBoard's record reader.
        raw = list(event_file_loader.EventFileLoader(expected["path"]).Load())
        assert raw[0].file_version == "brain.Event:2", raw[0]
        scalars = [(e.step, v.simple_value or list(v.tensor.float_val)[0])
                   for e in raw for v in e.summary.value
                   if v.tag == "train/loss \u00e9"]
        assert scalars == [tuple(pair) for pair in expected["scalars"]]

        # The same through what the web page uses. It merges nothing up to here.
        reader = event_accumulator.EventAccumulator(
            folder, size_guidance={"scalars": 0, "histograms": 0})
        reader.Reload()
        got = [(e.step, e.value) for e in reader.Scalars("train/loss \u00e9")]
        assert got == [tuple(pair) for pair in expected["scalars"]]
        histograms = reader.Histograms("layers.0.weight")
        assert len(histograms) == len(expected["histograms"])
        for event, want in zip(histograms, expected["histograms"]):
            h = event.histogram_value
            assert list(h.bucket_limit) == want["limits"], event.step
            assert list(h.bucket) == want["buckets"], event.step
            assert (h.min, h.max, h.num, h.sum, h.sum_squares) == (
                want["min"], want["max"], want["count"], want["sum"],
                want["sumSquares"]), event.step
        print(f"equal: {len(scalars)} scalars, {len(histograms)} histograms "
              f"(tensorboard {__import__('tensorboard.version').version.VERSION})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
