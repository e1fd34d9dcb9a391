"""Runs the cells of a notebook in Deno's Jupyter kernel, and prints their outputs as JSON.

    python _notebook.py < CELLS

CELLS is a JSON list of the sources of cells. Prints a list with a list of outputs for each
cell. Ends with status 3 if a package is missing.
"""

import json
import os
import pathlib
import sys
import tempfile

try:
    import nbclient
    import nbformat
except ImportError as error:
    print(error)
    sys.exit(3)

with tempfile.TemporaryDirectory() as folder:
    kernel = pathlib.Path(folder) / "kernels" / "deno"
    kernel.mkdir(parents=True)
    kernel.joinpath("kernel.json").write_text(json.dumps({
        "argv": ["deno", "jupyter", "--kernel", "--conn", "{connection_file}"],
        "display_name": "Deno",
        "language": "typescript",
    }))
    os.environ["JUPYTER_PATH"] = folder
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in json.load(sys.stdin)]
    nbclient.NotebookClient(notebook, kernel_name="deno", timeout=100).execute()
    print(json.dumps([cell.outputs for cell in notebook.cells]))
