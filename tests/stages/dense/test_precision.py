"""Choice of device and number format."""

import pytest
import torch

from rankscope.errors import ModelError
from rankscope.stages.dense import precision
from rankscope.stages.dense.precision import bf16_speedup, choose_device, choose_dtype

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RANKSCOPE_HOME", str(tmp_path))


def test_a_format_that_is_asked_for_is_taken_unmeasured(monkeypatch):
    monkeypatch.setattr(precision, "bf16_speedup", lambda: pytest.fail("measured"))
    assert choose_dtype("fp32", CPU) is torch.float32
    assert choose_dtype("bf16", CPU) is torch.bfloat16


@pytest.mark.parametrize(("speedup", "expected"), [(0.5, torch.float32), (3.0, torch.bfloat16)])
def test_auto_takes_the_faster_one_and_measures_once(monkeypatch, speedup, expected):
    measured = []
    monkeypatch.setattr(precision, "bf16_speedup", lambda: measured.append(1) or speedup)
    assert choose_dtype("auto", CPU) is expected
    assert choose_dtype("auto", CPU) is expected
    assert len(measured) == 1


def test_the_measurement_gives_a_ratio():
    assert 0.01 < bf16_speedup() < 100


def test_an_absent_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="no such device"):
        choose_device("cuda")
    assert choose_device("cpu") == CPU
