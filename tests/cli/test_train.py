"""``rankscope train`` as a person runs it: a better model is written, a useless one is not."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.config import FILE_NAME
from rankscope.errors import UsageError

SUBJECTS = [
    f"{first}{second}" for first in ("lan", "mor", "tes", "vul", "kir") for second in ("do", "pa", "xi", "gu")
]
STEPS = ["--max-steps", "8", "--queries-per-step", "6", "--learning-rate", "0.05", "--seed", "4"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace whose present model is a tiny one that scores every pair 0."""
    import torch
    from tokenizers import Tokenizer

    from rankscope.stages.dense.bundled import bundled_folder
    from rankscope.stages.rerank.split_bert import SplitBert, SplitBertConfig
    from rankscope.stages.rerank.split_cross_encoder import SplitCrossEncoder

    torch.manual_seed(3)
    config = SplitBertConfig(
        hidden_size=32, layers=2, lower_layers=1, heads=4, intermediate_size=64, positions=96, head_size=8
    )
    network = SplitBert(config)
    torch.nn.init.zeros_(network.interaction.linear.weight)
    torch.nn.init.zeros_(network.interaction.linear.bias)
    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    SplitCrossEncoder(network, tokenizer, max_seq_length=96).save(str(tmp_path / "tiny"))
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / FILE_NAME).write_text(f"[rerank]\nmodel = {json.dumps(str(tmp_path / 'tiny'))}\n")
    source = tmp_path / "beir"
    (source / "qrels").mkdir(parents=True)
    (source / "corpus.jsonl").write_text(
        "".join(
            json.dumps({"_id": f"d{n}", "title": "", "text": f"The {word} is described on page {n}."}) + "\n"
            for n, word in enumerate(SUBJECTS)
        )
    )
    (source / "queries.jsonl").write_text(
        "".join(
            json.dumps({"_id": f"q{n}", "text": f"where is the {word}"}) + "\n"
            for n, word in enumerate(SUBJECTS)
        )
    )
    judge(source, list(range(len(SUBJECTS))))
    result = invoke("-w", str(folder), "index", str(source))
    assert result.exit_code == 0, result.output
    return folder


def judge(source: Path, answers: list[int]) -> None:
    """Write the judgments: query n is answered by document ``answers[n]``."""
    rows = "".join(f"q{n}\td{answer}\t1\n" for n, answer in enumerate(answers))
    (source / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)


def invoke(*arguments: str) -> Result:
    """Run the command line in this process; an error of ours is kept as the exception."""
    return CliRunner().invoke(cli, arguments)


def test_a_better_model_is_written_and_shuffled_labels_are_refused(workspace: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    result = invoke("-w", str(workspace), "train", str(target), *STEPS)
    assert result.exit_code == 0, result.output
    assert "nDCG@10" in result.stdout
    assert f"model = {json.dumps(str(target))}" in result.stdout
    for line in (target / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((target / name).read_bytes()).hexdigest() == digest
    card = (target / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| seed | 4 |" in card
    assert "nDCG@10" in card

    answers = list(range(len(SUBJECTS)))
    random.Random(5).shuffle(answers)
    judge(tmp_path / "beir", answers)
    refused = invoke("-w", str(workspace), "train", str(tmp_path / "useless"), *STEPS)
    assert refused.exit_code == 1, refused.output
    assert "nDCG@10" in refused.stdout
    assert "does not beat" in refused.stderr
    assert not (tmp_path / "useless").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--queries", __file__], "together or not at all"),
        (["--queries", __file__, "--qrels", __file__, "--pairs", __file__], "queries of its own"),
    ],
)
def test_options_that_contradict_are_refused(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = invoke("train", str(tmp_path / "mine"), *arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
