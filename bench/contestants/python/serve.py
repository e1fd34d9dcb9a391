"""A contestant's side in Python: see serve.ts, which says the same in TypeScript."""
import json
import sys
import time

import numpy as np


def read_workload(folder, name):
    """The weights and batches of a workload, by path."""
    data = np.fromfile(f"{folder}/{name}.bin", dtype=np.int32)
    with open(f"{folder}/{name}.json") as file:
        places = json.load(file)
    stored = {}
    for path, place in places.items():
        size = int(np.prod(place["shape"]))
        values = data[place["at"] : place["at"] + size]
        if place["dtype"] == "float32":
            values = values.view(np.float32)
        stored[path] = values.reshape(place["shape"])
    return stored


def say(value):
    print(json.dumps(value), flush=True)


def serve(name, make):
    """Answer requests; `make` gives a task's functions `numbers` and `run`."""
    say({"name": name})
    tasks = {}
    for line in sys.stdin:
        request = json.loads(line)
        task, count = request["task"], request.get("count")
        try:
            if task not in tasks:
                tasks[task] = make(task)
            numbers, run = tasks[task]
            if count is None:
                say({"numbers": numbers()})
                continue
            cpu, wall = time.process_time(), time.perf_counter()
            run(count)
            wall = time.perf_counter() - wall
            cpu = time.process_time() - cpu
            say({"wall": 1e3 * wall, "cpu": 1e3 * cpu})
        except Exception as error:  # any failure of a library is an answer
            say({"error": f"{type(error).__name__}: {error}"[:400]})
