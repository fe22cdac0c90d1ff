"""Core values to styled text: the only place where the screens format a score, a rank, a time or a name.

Everything that comes from a corpus, a query or a trace passes :mod:`rankscope.core.sanitize` here and is
wrapped in ``Content``, which is never parsed as markup. Styles name the roles of
:mod:`rankscope.tui.themes`; no meaning rests on colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content, Span

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.sanitize import one_line, visible
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import Floor, Ranking
from rankscope.stages.bm25.matches import matching_spans

__all__ = [
    "amount",
    "bar",
    "bar_fraction",
    "fit",
    "floor_text",
    "fused_shares",
    "gauge",
    "hung",
    "join_cells",
    "label",
    "marked",
    "middle",
    "move",
    "ms_text",
    "rank_text",
    "score_text",
    "score_width",
    "short_floor_text",
    "shorten",
    "stacked_bar",
    "styled",
]

EIGHTHS = " ▏▎▍▌▋▊▉█"


def styled(text: str, style: str = "") -> Content:
    """Text of ours or of anybody's as content: made safe, one line, no markup."""
    return Content.styled(visible(text), style)


def join_cells(cells: Iterable[Content], gap: str = " ") -> Content:
    """Cells side by side."""
    return Content(gap).join(cells)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Safe text in exactly ``width`` cells: cut with an ellipsis, or filled with spaces."""
    if width <= 0:
        return ""
    shown = one_line(text)
    if cell_len(shown) > width:
        shown = set_cell_size(shown, width - 1).rstrip(" ") + "…"
    space = " " * (width - cell_len(shown))
    return space + shown if right else shown + space


def middle(text: str, width: int) -> str:
    """Safe text in exactly ``width`` cells, cut in the middle: ids tell themselves apart by their ends."""
    shown = one_line(text)
    if cell_len(shown) <= width:
        return shown + " " * (width - cell_len(shown))
    if width < 4:
        return fit(shown, width)
    tail = width // 2
    head = width - 1 - tail
    end = _last_cells(shown, tail)
    return set_cell_size(shown, head) + "…" + end


def _last_cells(text: str, width: int) -> str:
    """The end of a text in exactly ``width`` cells."""
    start = len(text)
    while start > 0 and cell_len(text[start - 1 :]) <= width:
        start -= 1
    end = text[start:]
    return " " * (width - cell_len(end)) + end


def shorten(text: str, width: int) -> str:
    """Safe text in at most ``width`` cells."""
    return fit(text, min(width, cell_len(one_line(text))))


def score_text(score: float | None, scale: ScoreScale) -> str:
    """A score in the digits its scale deserves.

    Probabilities are cut, not rounded, at the third decimal: what shows as .400 has cleared a floor of .40.
    """
    if score is None:
        return "no score"
    if scale is ScoreScale.PROBABILITY:
        return _no_zero(f"{math.floor(score * 1000 + 1e-9) / 1000:.3f}")
    if scale is ScoreScale.COSINE:
        return _no_zero(f"{score:.3f}")
    if scale is ScoreScale.RRF:
        return _no_zero(f"{score:.4f}")
    if scale is ScoreScale.LOGIT:
        return f"{score:+.2f}"
    if scale in (ScoreScale.BM25, ScoreScale.INNER_PRODUCT):
        return f"{score:.2f}" if abs(score) < 100 else f"{score:.1f}" if abs(score) < 1e6 else f"{score:.3g}"
    return f"{score:.4g}"


def _no_zero(number: str) -> str:
    """``0.5`` as ``.5``, ``-0.5`` as ``-.5``; ``1.000`` stays."""
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def score_width(ranking: Ranking) -> int:
    """Cells that the widest score of a list takes."""
    return max((len(score_text(hit.score, ranking.score_scale)) for hit in ranking.hits), default=4)


def bar_fraction(score: float | None, scale: ScoreScale, best: float) -> float:
    """How much of a full bar a score fills, 0 to 1.

    Probabilities and cosines have a fixed end, so their bars compare across queries. Logits are bent by the
    sigmoid. The other scales have no end: the best score of the list fills the bar. Bars start at zero.
    """
    if score is None:
        return 0.0
    if scale in (ScoreScale.PROBABILITY, ScoreScale.COSINE):
        share = score
    elif scale is ScoreScale.LOGIT:
        share = sigmoid(score)
    else:
        share = score / best if best > 0 else 0.0
    return min(max(share, 0.0), 1.0)


def bar(share: float, width: int) -> str:
    """A bar of eighth blocks in exactly ``width`` cells; what is above zero shows at least a sliver."""
    if width <= 0:
        return ""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    whole, part = divmod(eighths, 8)
    return ("█" * whole + (EIGHTHS[part] if part else "")).ljust(width)


def stacked_bar(shares: Sequence[float], width: int, styles: Sequence[str]) -> Content:
    """Shares of a full bar one after the other, in exactly ``width`` cells, each in its style."""
    parts: list[Content] = []
    filled = 0  # eighths
    for share, style in zip(shares, styles, strict=True):
        end = min(filled + max(round(share * width * 8), 1 if share > 0 else 0), width * 8)
        split = filled % 8
        if split and end > filled:  # the cell where two shares meet: the first as its front, this one behind
            before = parts.pop()
            boundary = Span(0, 1, f"{style.replace('$', 'on $')}")
            parts += [before[:-1], before[-1:].add_spans([boundary])]
            filled = min(end, filled + 8 - split)
        if end > filled:
            whole, rest = divmod(end - filled, 8)
            parts.append(Content.styled("█" * whole + (EIGHTHS[rest] if rest else ""), style))
        filled = max(filled, end)
    line = Content("").join(part for part in parts if part)
    return line + Content(" " * (width - line.cell_length))


def gauge(share: float, width: int, style: str) -> Content:
    """A filled and an empty part: how much of a budget or a task is used."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return Content.assemble(("▓" * full, style), ("░" * (width - full), "$bar-dim"))


def move(places: int | None, width: int = 0, *, dim: bool = False) -> Content:
    """Places gained or lost: an arrow and a number; ``=`` for none, ``new`` where there was no rank.

    ``dim`` for moves that do not count: of dropped documents, and while a reranker still scores.
    """
    if places is None:
        text, style = "new", "$rise"
    elif places == 0:
        text, style = "=", "$muted"
    else:
        arrow, style = ("▲", "$rise") if places > 0 else ("▼", "$fall")
        text = f"{arrow} {str(abs(places)).rjust(width - 2)}"
    return Content.styled(text.ljust(width), "$muted" if dim else style)


def rank_text(rank: int | None, depth: int | None) -> str:
    """A rank; where a list was cut before the document, how far it looked."""
    if rank is not None:
        return str(rank)
    return f">{depth}" if depth else "–"


def amount(count: int, one: str, many: str = "") -> Content:
    """A count for a title: the number stands out from its noun."""
    number, _, noun = counted(count, one, many).partition(" ")
    return Content.assemble((number, "bold"), (f" {noun}", "$muted"))


def ms_text(ms: float | None) -> str:
    """Milliseconds: a decimal below ten, seconds from ten thousand."""
    if ms is None:
        return "–"
    if ms < 9.95:
        return f"{ms:.1f}"
    return f"{ms:.0f}" if ms < 9999.5 else f"{ms / 1000:.1f} s"


def floor_text(value: float | None) -> str:
    """A floor's value; ``none`` where there is none."""
    return "none" if value is None else f"{value:.2f}" if round(value, 2) == value else f"{value:g}"


def short_floor_text(value: float | None) -> str:
    """A floor's value where room is scarce: at most three significant digits."""
    text = floor_text(value)
    return text if value is None or len(text.lstrip("-")) <= 5 else f"{value:.3g}"


def label(name: str, value: str, *, style: str = "bold") -> Content:
    """``name value``: the name behind, the value in front."""
    return Content.assemble((f"{name} ", "$muted"), (visible(value), style))


def fused_shares(ranks: dict[str, int], shares: dict[str, float], k: int | None) -> str:
    """The arithmetic of reciprocal rank fusion: ``1/62 + 1/64``, or the shares where k is not known."""
    parts = []
    for name, rank in ranks.items():
        share = shares.get(name)
        if k is None or share is None:
            parts.append("?" if share is None else score_text(share, ScoreScale.RRF))
            continue
        weight = share * (k + rank)
        parts.append(f"{round(weight, 6):g}/{k + rank}")
    return " + ".join(parts)


def floor_margin(score: float | None, floor: Floor | None) -> str:
    """How far a score is from the floor, without its sign; empty where there is no floor or no score."""
    return "" if floor is None or score is None else score_text(abs(score - floor.value), ScoreScale.COSINE)


def hung(sign: Content, text: Content, width: int) -> list[Content]:
    """Text folded beside a sign: its further lines stand below its first and not below the sign."""
    beside = sign.cell_length
    first, *more = text.wrap(max(width - beside, 10)) or [Content("")]
    return [sign + first, *(Content(" " * beside) + line for line in more)]


def marked(text: str, terms: Collection[str], style: str = "") -> Content:
    """Text with the terms that BM25 matches marked: in bold and underlined, not by colour alone."""
    shown = visible(text, keep_newlines=True)  # keeps offsets, so that spans of the raw text fit
    spans = [Span(0, len(shown), style)] if style else []
    spans += [Span(start, end, "bold underline $mark") for start, end in matching_spans(text, terms)]
    return Content(shown, spans=spans, strip_control_codes=False)


def metadata_text(document: Document) -> str:
    """A document's metadata on one line."""
    return "  ".join(
        f"{one_line(str(key))}={one_line(str(value))}" for key, value in document.metadata.items()
    )


def title_or_text(document: Document | None, width: int) -> str:
    """What stands beside an id: the title, else how the text begins, in exactly ``width`` cells."""
    if document is None:
        return " " * width
    return fit(document.title or document.text[: width * 4], width)
