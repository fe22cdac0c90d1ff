"""Loading models without noise: no progress bars, no advice on stderr, no code from the model's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["model_text", "quiet_loading"]


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Silence transformers' progress bars and warnings for the time of a load; a screen may be drawn."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def model_text(text: str) -> str:
    """``text`` as tokenizers accept it: lone surrogates, which are no characters, become ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8")
