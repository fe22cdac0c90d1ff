"""The biography tab: a line a stage with rank, score and its parts, how it ended, what would change that."""

from __future__ import annotations

from textual.content import Content

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.engine.inspection import Inspection
from rankscope.insight.biography import biography
from rankscope.insight.gaps import gaps
from rankscope.insight.narrative import cause, change_sentence, fate_sentence
from rankscope.insight.standing import CorpusStanding
from rankscope.tui import cells
from rankscope.tui.views import where_absent

__all__ = ["arithmetic", "biography_view"]

_CHANGES = 3
_WIDE = 100
"""From this width on there is room for bars and times."""


def biography_view(
    trace: Trace,
    doc_id: str,
    life: Inspection | None,
    width: int,
    *,
    k: int | None = None,
    note: str = "",
    running: bool = False,
) -> Content:
    """What the trace says; with ``life``, also where it stands in the whole corpus, and the rescue.

    ``note`` says why there is no look-up, or that it is under way; of a ``running`` query the end is not
    told before it is known.
    """
    told = life.biography if life is not None else biography(trace, doc_id)
    wide = width >= _WIDE
    bar = f"  {'':<12}" if wide else ""
    head = f"{'stage':<8} {'rank':<12} {'score':>8}{bar}  {'scale':<12}{' ms' if wide else ''}"
    lines = [Content.styled(head, "$muted")]
    lines += [_stage_line(trace, ranking, doc_id, k, told.standing, wide) for ranking in trace.rankings]
    lines = [line.truncate(width, ellipsis=True) for line in lines]
    fate = "bold $rise" if told.fate == "kept" else "bold" if told.fate == "undecided" else "bold $fall"
    if told.fate != "undecided" or not running:
        lines.append(Content.styled(one_line(fate_sentence(told), 400), fate))
    if life is not None:
        lines += _rescue_lines(life)
    if note:
        lines.append(Content.styled(note, "$muted"))
    lines += [Content.styled(f"? {one_line(gap, 300)}", "$muted") for gap in gaps(trace, doc_id)]
    return Content("\n").join(lines)


def _rescue_lines(life: Inspection) -> list[Content]:
    """The smallest changes that bring it in, or why none does."""
    found = life.rescue
    if found is not None and found.changes:
        lines = [Content.styled("Each of these alone would bring it in, the smallest first:", "$muted")]
        for change in found.changes[:_CHANGES]:
            name, _, rest = one_line(change_sentence(change), 400).partition(": ")
            lines.append(Content.assemble(("  → ", "$rise"), (name, "bold"), f": {rest}"))
        if len(found.changes) > _CHANGES:
            rest = ", ".join(change.setting for change in found.changes[_CHANGES:])
            lines.append(Content.styled(f"    also: {rest}", "$muted"))
        return lines
    if life.untried and life.biography.fate not in ("kept", "filtered_out", "not_in_corpus"):
        return [Content.styled(f"? {life.untried}", "$muted")]
    reason = cause(life.biography, found)
    return [Content(one_line(reason, 600))] if reason else []


def _stage_line(
    trace: Trace, ranking: Ranking, doc_id: str, k: int | None, standing: CorpusStanding | None, wide: bool
) -> Content:
    hit = ranking.hit(doc_id)
    name = Content.styled(f"{cells.fit(ranking.stage, 8)} ", "$muted")
    if hit is None:
        return name + _absent(trace, ranking, standing)
    scale = f"{ranking.score_scale:<12}{f' {cells.ms_text(ranking.ms):<7}' if wide else ''}"
    best = max((other.score for other in ranking.hits if other.score is not None), default=0.0)
    share = cells.bar_fraction(hit.score, ranking.score_scale, best)
    rank = Content.assemble((f"#{hit.rank}", "bold"), (f" of {len(ranking.hits)}", "$muted"))
    line = Content.assemble(
        name,
        rank + Content(" " * max(12 - rank.cell_length, 0)),
        f" {cells.score_text(hit.score, ranking.score_scale):>8}",
        (f"  {cells.bar(share, 12)}" if wide else "", "$bar"),
        (f"  {scale}", "$muted"),
    )
    return line + Content.styled(_made_of(hit, k), "$muted")


def _absent(trace: Trace, ranking: Ranking, standing: CorpusStanding | None) -> Content:
    """Why it is not in a list and, where that was looked up, where it stands without the cut."""
    words = where_absent(trace, ranking.stage)
    place = standing.stage(ranking.stage) if standing is not None else None
    if place is not None and place.rank is not None:
        score = cells.score_text(place.score, place.score_scale)
        return Content.assemble(
            (words, "bold $fall"), (f"; in the whole corpus #{place.rank} of {place.of}, {score}", "")
        )
    if place is not None:
        return Content.assemble((words, "bold $fall"), ("; no depth of this list holds it", "$muted"))
    if ranking.stage == "rerank" and standing is not None and standing.rerank_score is not None:
        scale = standing.rerank_scale or ranking.score_scale
        score = cells.score_text(standing.rerank_score, scale)
        return Content.assemble((words, "bold $fall"), (f"; as a candidate it would have {score}", ""))
    last = ranking.hits[-1].score if ranking.hits else None
    edge = f"; the last one there scores {cells.score_text(last, ranking.score_scale)}" if last else ""
    return Content.assemble((words, "bold $fall"), (edge, "$muted"))


def _made_of(hit: Hit, k: int | None) -> str:
    """Fusion: each list's rank and share. Reranker: logit and tokens, where it reports them."""
    if made := arithmetic(hit, k):
        names = " + ".join(key[5:] for key in hit.details if key.startswith("rank:"))
        return f"  {one_line(names)}: {made}"
    parts = []
    if "logit" in hit.details:
        parts.append(f"logit {hit.details['logit']:+.2f}")
    if tokens := hit.details.get("tokens"):
        cut = hit.details.get("tokens_cut", 0)
        parts.append(f"{counted(int(tokens), 'token')}{f', {int(cut):,} not seen' if cut else ' seen'}")
    if (windows := hit.details.get("windows", 1)) > 1:
        parts.append(f"window {int(hit.details.get('window', 1))} of {int(windows)} won")
    return f"  {', '.join(parts)}" if parts else ""


def arithmetic(hit: Hit, k: int | None) -> str:
    """How reciprocal rank fusion made the score; empty for other hits."""
    ranks = {key[5:]: int(value) for key, value in hit.details.items() if key.startswith("rank:")}
    shares = {key[6:]: value for key, value in hit.details.items() if key.startswith("share:")}
    return cells.fused_shares(ranks, shares, k) if ranks else ""
