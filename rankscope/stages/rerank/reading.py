"""What a cross-encoder reads of a passage: its tokens as ranges of the text, and the windows over them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One passage beside one query, before it is scored."""

    text: str
    """Title and text, as the model is given them."""
    tokens: tuple[tuple[int, int], ...]
    """Half-open character range of each token; special tokens are left out."""
    windows: tuple[tuple[int, int], ...]
    """Half-open ranges of token numbers, each read by itself; the best one's score counts."""
    query_tokens: int
    query_tokens_cut: int
    """Tokens at the query's end that are not read."""
    limit: int
    """Most tokens of a passage that fit into one window."""

    @property
    def tokens_cut(self) -> int:
        """Tokens that stand in no window."""
        return len(self.tokens) - max((end for _, end in self.windows), default=0)

    def span_of(self, window: int) -> tuple[int, int]:
        """Characters of one window (from 1): what the model saw when it gave that score."""
        first, last = self.windows[window - 1]
        if (first, last) == (0, len(self.tokens)):
            return 0, len(self.text)
        return self.tokens[first][0], self.tokens[last - 1][1]
