"""llama.cpp's own HTTP server with the local model, on a free port: `python -m tests.llama_server`.

It prints where it listens, and ends when its standard input does, or with SIGTERM.
"""

import importlib
import os
import sys
from typing import Any

from pybot.services.local import model_file

CONTEXT = 1024  # tokens of each of two requests at once


def main() -> None:
    """Serve until the one who started it is gone."""
    xllamacpp: Any = importlib.import_module("xllamacpp")  # it has no types
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file.find())
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_parallel = 2
    parameters.n_ctx = CONTEXT * 2
    # Threads that wait for one another spin: one is faster on a machine with other work.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    # llama.cpp's threads have nothing to finish, and joining them can take a second.
    os._exit(0)


if __name__ == "__main__":
    main()
