"""The words tab: which words move the cross-encoder's score, drawn on the text; one document or two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content, Span

from rankscope.core.sanitize import one_line, visible
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.insight.attribution import Attribution, Part
from rankscope.insight.preference import WordGap, prefer
from rankscope.tui import cells
from rankscope.tui.answers import Words

__all__ = ["comparison_view", "words_view"]

_STRONG, _WEAK = 0.3, 0.08
"""Shares of the largest effect from which a word is drawn as strong, or marked at all."""
_NAMED = 6
_FELT = 0.005
"""Effects below this show as zero."""
_LEGEND = "underlined holds the score up, slanted pulls it down; +n: a whole sentence"


def words_view(words: Words, width: int, note: str = "") -> Content:
    """One document: score, words of the query, strongest words, and the text with its effects."""
    (known,) = words.attributions
    lines = [_head(known, words, note).truncate(width, ellipsis=True)]
    named = [*_named("query ", _effects(known.query_words)), *_named("text  ", _strongest(known))]
    lines += [line.truncate(2 * width, ellipsis=True) for line in named]
    lines.append(Content.styled(_LEGEND, "$muted").truncate(width, ellipsis=True))
    lines.append(drawn(known))
    return Content("\n").join(lines)


def comparison_view(words: Words, names: tuple[str, str], width: int, note: str = "") -> Content:
    """Two documents side by side: what speaks for the first, and both texts."""
    first, second = words.attributions
    found = prefer(first, second)
    half = max((width - 3) // 2, 20)
    lines = [_over(words, names, found.difference, note, width)]
    left = _gap_table("in the query", found.query_words, half)
    right = _gap_table("in the texts", found.words, half)
    lines += _beside(left, right, half)
    lines.append(Content.styled(_LEGEND, "$muted").truncate(width, ellipsis=True))
    texts = [drawn(known).wrap(half) for known in (first, second)]
    titles = [[Content.styled(cells.fit(name, half), "bold")] for name in names]
    lines += _beside(titles[0] + texts[0], titles[1] + texts[1], half)
    return Content("\n").join(lines)


def score_words(value: float | None, scale: ScoreScale) -> str:
    """A score on an attribution's scale; a logit with the probability that it stands for."""
    if value is None:
        return "not scored yet"
    if scale is ScoreScale.LOGIT:
        return f"{cells.score_text(sigmoid(value), ScoreScale.PROBABILITY)} (logit {value:+.2f})"
    return cells.score_text(value, scale)


def _head(known: Attribution, words: Words, note: str) -> Content:
    return Content.assemble(
        (one_line(words.model, 40), "$muted"),
        (f" scores it {score_words(known.base, words.scale)}", "bold"),
        (f"  {note or _progress(words)}", "$muted"),
    )


def _progress(words: Words) -> str:
    unit = "logits" if words.scale is ScoreScale.LOGIT else str(words.scale)
    if words.done < words.total:
        return f"leaving out parts, {words.done} of {words.total}; esc stops"
    return f"what leaving a part out takes off, in {unit}"


def _effects(parts: Iterable[Part]) -> list[tuple[str, float]]:
    return [(part.text, part.effect) for part in parts if part.effect is not None]


def _strongest(known: Attribution) -> list[tuple[str, float]]:
    """The words with the largest effects either way, those that hold it up first."""
    felt = [word for word in _effects(known.words) if abs(word[1]) >= _FELT]
    largest = sorted(felt, key=lambda word: -abs(word[1]))[: 2 * _NAMED]
    return sorted(largest, key=lambda word: -word[1])


def _named(title: str, words: Sequence[tuple[str, float]]) -> list[Content]:
    if not words:
        return []
    parts = [Content.assemble((one_line(word, 20), ""), " ", effect_cell(effect)) for word, effect in words]
    return [Content.styled(title, "$muted") + Content("  ").join(parts)]


def effect_cell(effect: float) -> Content:
    """``+0.58`` or ``-0.41``: the sign tells the direction, the colour repeats it."""
    text = f"{effect:+.2f}"
    return Content.styled(text, "$rise" if effect >= _FELT else "$fall" if effect <= -_FELT else "$muted")


def _over(words: Words, names: tuple[str, str], difference: float | None, note: str, width: int) -> Content:
    first, second = (score_words(known.base, words.scale) for known in words.attributions)
    over = Content("") if difference is None else Content("  difference ") + effect_cell(difference)
    return Content.assemble(
        (f"{cells.shorten(names[0], 24)} ", "bold"),
        (first, ""),
        (" over ", "$muted"),
        (f"{cells.shorten(names[1], 24)} ", "bold"),
        (second, ""),
        over,
        (f"  {note or _progress(words)}", "$muted"),
    ).truncate(width, ellipsis=True)


def _gap_table(title: str, gaps: Sequence[WordGap], width: int) -> list[Content]:
    """Effects on both documents, and for which of them the word speaks."""
    name = 18 if width >= 44 else 10
    title = cells.fit(title, name)
    lines = [Content.styled(cells.fit(f"{title} {'left':>6} {'right':>6}  speaks for", width), "$muted")]
    felt = [gap for gap in gaps if abs(gap.gap) >= _FELT]
    for gap in felt[:_NAMED]:
        side = "left" if gap.gap > 0 else "right"
        line = Content.assemble(
            (cells.fit(gap.word, name), "bold"),
            " ",
            _side_cell(gap.first),
            " ",
            _side_cell(gap.second),
            (f"  {side} {abs(gap.gap):.2f}", "$rise" if gap.gap > 0 else "$fall"),
        )
        lines.append(line.truncate(width, ellipsis=True))
    return lines


def _side_cell(effect: float | None) -> Content:
    if effect is None:
        return Content.styled(f"{'absent':>6}", "$muted")
    cell = effect_cell(effect)
    return Content(" " * max(6 - cell.cell_length, 0)) + cell


def _beside(left: Sequence[Content], right: Sequence[Content], width: int) -> list[Content]:
    """Two columns of lines as one."""
    lines = []
    for place in range(max(len(left), len(right))):
        one = left[place] if place < len(left) else Content("")
        other = right[place] if place < len(right) else Content("")
        space = Content(" " * max(width - one.cell_length, 0))
        lines.append(one + space + Content.styled(" │ ", "$faint") + other)
    return lines


def drawn(known: Attribution) -> Content:
    """The text the model saw; words by their effect, and each sentence's effect before it."""
    shown = visible(known.text, keep_newlines=True)  # keeps offsets
    spans = [
        Span(start, end, style)
        for part, style in ((part, _style(part.effect, known)) for part in known.words)
        for start, end in part.spans
        if style
    ]
    spans += [Span(0, known.heading, "bold")] if known.heading else []
    text = Content(shown, spans=spans, strip_control_codes=False)
    pieces: list[Content] = []
    for sentence in known.sentences:
        ((start, end),) = sentence.spans
        if sentence.effect is not None and len(known.sentences) > 1:
            pieces.append(effect_cell(sentence.effect) + " ")
        pieces.append(text[start:end])
    return Content("").join(pieces)


def _style(effect: float | None, known: Attribution) -> str:
    largest = max((abs(part.effect) for part in known.words if part.effect is not None), default=0.0)
    if effect is None or not largest or abs(effect) < _WEAK * largest:
        return ""
    strong = abs(effect) >= _STRONG * largest
    if effect > 0:
        return "bold underline $rise" if strong else "underline $rise"
    return "bold italic $fall" if strong else "italic $fall"
