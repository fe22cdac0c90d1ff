from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.config import load_settings
from rankscope.engine.settings_file import edited_settings, write_settings
from rankscope.errors import SettingsError

FLOOR = {"value": 0.55, "score_scale": "probability", "source": "fitted:otsu"}
COMMENTED = """\
# our settings
[retrieval]
candidates = 30   # N

[floor]   # what is kept
# chosen in spring
value = 0.4     # was 0.35
top_k = 5

[rerank]
enabled = true
"""


def test_comments_order_and_spacing_stay() -> None:
    assert edited_settings(COMMENTED, "floor", FLOOR) == COMMENTED.replace(
        "value = 0.4     # was 0.35\ntop_k = 5\n",
        'value = 0.55     # was 0.35\ntop_k = 5\nscore_scale = "probability"\nsource = "fitted:otsu"\n',
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[floor]\nvalue = 0.55\n"),
        ("[models]\ndevice = 'cpu'", "[models]\ndevice = 'cpu'\n\n[floor]\nvalue = 0.55\n"),
        ("[floor]\r\ntop_k = 3\r\n", "[floor]\r\ntop_k = 3\r\nvalue = 0.55\r\n"),
        ("[floor]\nvalue='none' # no # floor\n", "[floor]\nvalue=0.55 # no # floor\n"),
        ("[ floor ]\nvalue = 1e-3\n[budget]", "[ floor ]\nvalue = 0.55\n[budget]"),
    ],
)
def test_keys_are_replaced_or_added(text: str, expected: str) -> None:
    assert edited_settings(text, "floor", {"value": 0.55}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "floor = {value = 0.4}\n",
        "floor.value = 0.4\n",
        'x = """\n[floor]\nvalue = 1\n"""\n[floor]\nvalue = 2\n',
    ],
)
def test_what_cannot_be_edited_safely_is_said(text: str) -> None:
    with pytest.raises(SettingsError, match=r"Write it yourself: value = 0\.55"):
        edited_settings(text, "floor", {"value": 0.55})


KEYS = st.sampled_from(["value", "top_k", "source", "other"])
VALUES = st.text() | st.integers() | st.floats(0, 1)


@given(
    st.dictionaries(KEYS, VALUES),
    st.text(max_size=30),
)
def test_the_result_means_what_was_meant(before: dict[str, str | float | int], source: str) -> None:
    text = "[retrieval]\ncandidates = 7\n" + edited_settings("", "floor", before)
    result = tomllib.loads(edited_settings(text, "floor", {"source": source, "value": 0.25}))
    assert result == {"retrieval": {"candidates": 7}, "floor": {**before, "source": source, "value": 0.25}}


def test_the_file_is_read_back_as_settings_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "rankscope.toml"
    write_settings(path, "floor", FLOOR)
    assert load_settings(path).floor.value == 0.55
    path.chmod(0o640)
    write_settings(path, "floor", {"value": "none"})
    assert load_settings(path).floor.value is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["rankscope.toml"]
    path.write_text("[floor\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="not valid TOML"):
        write_settings(path, "floor", FLOOR)
    assert path.read_text(encoding="utf-8") == "[floor\n"
