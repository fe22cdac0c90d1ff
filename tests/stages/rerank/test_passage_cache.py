"""The cache of read passages stays within its memory."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from rankscope.stages.rerank.passage_cache import PassageCache, ReadPassage, ReadWindow


def passage(tokens):
    return ReadPassage(
        (ReadWindow(torch.zeros(tokens, dtype=torch.long), torch.zeros(tokens, 4)),), tokens, 0
    )


BYTES_PER_TOKEN = 8 + 4 * 4


def test_the_least_recently_used_leaves_first():
    cache = PassageCache(3 * 10 * BYTES_PER_TOKEN)
    for key in "abc":
        cache.put(key, passage(10))
    assert cache.get("a") is not None
    cache.put("d", passage(10))
    assert cache.get("b") is None
    assert [key for key in "acd" if cache.get(key)] == ["a", "c", "d"]


def test_what_can_never_fit_is_not_kept_and_drops_nothing():
    cache = PassageCache(10 * BYTES_PER_TOKEN)
    cache.put("a", passage(10))
    cache.put("b", passage(11))
    assert cache.get("b") is None
    assert cache.get("a") is not None


def test_no_memory_keeps_nothing():
    cache = PassageCache(0)
    cache.put("a", passage(1))
    assert len(cache) == 0


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(min_value=1, max_value=40)), max_size=60))
def test_the_size_is_that_of_the_entries_and_within_the_limit(puts):
    cache = PassageCache(60 * BYTES_PER_TOKEN)
    for key, tokens in puts:
        cache.put(key, passage(tokens))
        assert cache.size <= cache.limit
    assert cache.size == sum(entry.size for key in "abcdefg" if (entry := cache.get(key)))
