"""The S-stemmer: plural to singular, and nothing more (Harman, "How effective is suffixing?", 1991).

It joins query and passage where only a number differs, and unlike a full stemmer never joins words of
different meaning such as ``universe`` and ``university``.
"""

from __future__ import annotations

__all__ = ["singular"]

_SHORTEST = 4
_KEPT = ("ss", "us", "is")
_SIBILANT = ("sses", "shes", "xes", "tches", "nches", "rches")


def singular(word: str) -> str:
    """The word without its plural ending; anything but lower-case ASCII letters is returned as it is."""
    if len(word) < _SHORTEST or word[-1] != "s" or word.endswith(_KEPT) or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > _SHORTEST and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith(_SIBILANT):
        return word[:-2]
    return word[:-1]
