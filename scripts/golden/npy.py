"""Files of NumPy, with every dtype, order of axes and order of bytes.

    python scripts/golden/npy.py

writes tests/golden/npy/. Made with NumPy 2.4.6.
"""

import json
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "npy"
OUT.mkdir(parents=True, exist_ok=True)

values = {}


def save(name, array):
    np.save(OUT / f"{name}.npy", array)
    values[name] = {"shape": list(array.shape), "values": [float(x) for x in array.reshape(-1)]}


small = np.array([[0, 1, 2], [100, 127, 5]])
for dtype in ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]:
    for order in ["<", ">"]:
        array = small.astype(order + dtype if dtype != "?" else dtype)
        if dtype[0] in "if":
            array = -array
        if dtype[0] == "f":
            array = array / array.dtype.type(8)
            array = array.astype(order + dtype)
        save(f"{dtype.replace('?', 'b1')}_{'big' if order == '>' else 'little'}", array)
save("fortran", np.asfortranarray(np.arange(24, dtype="f4").reshape(2, 3, 4)))
save("fortran_big", np.asfortranarray(np.arange(6, dtype=">i2").reshape(3, 2)))
save("scalar", np.array(2.5))
save("empty", np.zeros((0, 3), dtype="f4"))
save("large", np.array([2**40, -5]))
save("axis", np.arange(5, dtype="u1"))
np.save(OUT / "refused_huge.npy", np.array([2**60]))
np.save(OUT / "refused_complex.npy", np.array([1j]))
np.save(OUT / "refused_text.npy", np.array(["a"]))
np.save(OUT / "refused_records.npy", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]))
np.savez(OUT / "stored.npz", x=small.astype("f4"), labels=np.arange(3))
np.savez_compressed(OUT / "deflated.npz", x=np.zeros((50, 50), dtype="f4"), labels=np.arange(3))
with open(OUT / "version2.npy", "wb") as file:
    np.lib.format.write_array(file, small.astype("i4"), version=(2, 0))
values["version2"] = {"shape": [2, 3], "values": small.reshape(-1).tolist()}
(OUT / "values.json").write_text(json.dumps(values) + "\n")
