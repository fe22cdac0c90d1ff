"""The tabs of the document: what they say, and what they say where a trace lacks something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.engine.explaining import Retrieved
from rankscope.engine.inspection import Inspection
from rankscope.insight.attribution import Passage, attribute
from rankscope.insight.biography import biography
from rankscope.insight.rescue import Change, Rescue
from rankscope.insight.standing import CorpusStanding, StageStanding
from rankscope.stages.dense.explain import DenseExplanation
from rankscope.stages.rerank.reading import Reading
from rankscope.tui.answers import Words
from rankscope.tui.widgets.biography_view import biography_view
from rankscope.tui.widgets.document_views import text_view
from rankscope.tui.widgets.slope_chart import slope_rows, summary_lines
from rankscope.tui.widgets.terms_view import terms_view
from rankscope.tui.widgets.words_view import comparison_view, words_view
from tests.tui.fakes import explained_terms
from tests.tui.traces import RERANKED, trace, with_details


def text_of(made: Trace, doc_id: str, reading: Reading | None = None) -> str:
    return text_view(made, doc_id, made.documents.get(doc_id), reading).plain


def test_text_marks_the_query_and_says_what_was_not_seen() -> None:
    made = replace(trace(scores=RERANKED, texts={"c": "Which text is it?"}), query=Query("texts please"))
    made = with_details(made, "c", tokens=740.0, tokens_cut=212.0)
    content = text_view(made, "c", made.documents["c"])
    assert "did not see the last 212 of 740 tokens" in content.plain
    marked = {
        content.plain[span.start : span.end] for span in content.spans if "underline" in str(span.style)
    }
    assert marked == {"text"}


def test_text_shows_metadata_and_misses_no_document() -> None:
    made = trace(scores=RERANKED)
    documents = {"c": Document("c", "Text.", metadata={"tenant": "[/b]", "year": 2024})}
    assert text_of(replace(made, documents=documents), "c") == "Text.\ntenant=[/b]  year=2024"
    assert "holds no text" in text_of(replace(made, documents={}), "c")


def reading_of(text: str, windows: Sequence[tuple[int, int]]) -> Reading:
    tokens, start = [], 0
    for word in text.split():
        place = text.index(word, start)
        tokens.append((place, place + len(word)))
        start = place + len(word)
    return Reading(text, tuple(tokens), tuple(windows), 2, 0, 4)


def test_the_lens_marks_the_window_that_won_and_what_was_cut() -> None:
    made = trace(scores=RERANKED, texts={"c": "one two three four five six"})
    made = with_details(made, "c", windows=2.0, window=2.0)
    whole = made.documents["c"].searchable  # "Title c\none two ..."
    content = text_view(made, "c", made.documents["c"], reading_of(whole, [(0, 4), (3, 7)]))
    assert "reads 7 of 8 tokens in 2 windows; window 2 won: tokens 4 to 7; the last 1 is cut" in content.plain
    assert "⟦two three four five ⟧✂ six" in content.plain.replace("one ", "")
    struck = [s for s in content.spans if "strike" in str(s.style)]
    assert [content.plain[s.start : s.end].strip("✂ ") for s in struck] == ["six"]
    assert "reads all 8 tokens" in text_of(made, "c", reading_of(whole, [(0, 8)]))


def lived(made: Trace, doc_id: str, standing: CorpusStanding, rescue: Rescue | None) -> Inspection:
    return Inspection(made, made.documents.get(doc_id), biography(made, doc_id, standing), rescue)


def test_the_biography_has_a_line_a_stage_and_its_end() -> None:
    made = with_details(trace(scores=RERANKED), "c", tokens=140.0, logit=2.25, windows=3.0, window=2.0)
    lines = biography_view(made, "c", None, 140, k=60).plain.split("\n")
    assert [line.split()[0] for line in lines] == ["stage", "bm25", "dense", "fusion", "rerank", "Kept:"]
    assert "bm25 + dense: 1/63 + 1/63" in lines[3]
    assert "logit +2.25, 140 tokens seen, window 2 of 3 won" in lines[4]
    assert all(len(line) <= 140 for line in lines)
    narrow = biography_view(made, "c", None, 76, k=60).plain.split("\n")
    assert "1/63 + 1/63" in narrow[3]
    absent = biography_view(made, "e", None, 120).plain.split("\n")
    assert "not in top 4; the last one there scores 2.50" in absent[1]


def test_a_document_in_no_list_stands_in_the_corpus_and_may_be_brought_in() -> None:
    made = trace(scores=RERANKED)
    standing = CorpusStanding(
        "zz",
        stages=(
            StageStanding("bm25", ScoreScale.BM25, None, None, 30),
            StageStanding("dense", ScoreScale.COSINE, 137, 0.212, 440),
        ),
        rerank_score=0.613,
        rerank_scale=ScoreScale.PROBABILITY,
    )
    changes = tuple(Change(f"retrieval.c{n}", 1, 2, 1, 3, ("a",), ()) for n in range(5))
    text = biography_view(made, "zz", lived(made, "zz", standing, Rescue("zz", False, changes)), 140).plain
    assert "no depth of this list holds it" in text
    assert "in the whole corpus #137 of 440, .212" in text
    assert "as a candidate it would have .613" in text
    assert "retrieval.c0 1 -> 2: rank 3, displaces a" in text
    assert "also: retrieval.c3, retrieval.c4" in text
    none = Rescue("zz", False, (), ("it is at 137 after fusion, 50 go on",))
    text = biography_view(made, "zz", lived(made, "zz", standing, none), 140).plain
    assert "No single change brings it in: it is at 137 after fusion" in text


def imported(*rankings: Ranking, documents: dict[str, Document] | None = None) -> Trace:
    bare = trace()
    return replace(
        bare, rankings=rankings, origin="import:trec", floor=None, top_k=None, kept=(), decision=None,
        documents=documents or {},
    )  # fmt: skip


def test_what_an_imported_trace_lacks_is_said_plainly() -> None:
    alone = imported(Ranking("dense", ScoreScale.UNKNOWN, (Hit("a", 1, None), Hit("b", 2, None))))
    text = biography_view(alone, "b", None, 120, note="? recorded by another pipeline").plain
    assert "no score for it in dense" in text
    assert "no reranked list" in text
    assert "does not record a floor" in text
    assert "? recorded by another pipeline" in text
    only_reranked = imported(Ranking("rerank", ScoreScale.UNKNOWN, (Hit("a", 1, 0.5),)))
    assert "no list ahead of the reranker" in biography_view(only_reranked, "a", None, 120).plain
    assert "holds no text" in terms_view(alone, "a", None, None, 120, "? not here").plain
    held = Document("a", "One which text, which one")
    assert "In its text:" in terms_view(trace(), "a", held, None, 120, "? not here").plain
    assert terms_view(trace(), "a", held, None, 120, "Looking it up").plain == "Looking it up"
    assert slope_rows(alone, 80, 10) == []
    assert "no two orders" in summary_lines(alone, 80)[0].plain


def test_terms_and_cosine() -> None:
    query = Query("ibuprofen dose unheard")
    document = Document("a", "Ibuprofen dose. Take with food.", title="Sheet")
    others = [document, Document("b", "Food and drink.")]
    bm25 = explained_terms(query, document, others)
    dense = DenseExplanation(0.5, 3, 440, True, 2, (0.4, 0.1))
    made = replace(trace(), query=query)
    text = terms_view(made, "a", document, Retrieved(document, bm25, dense, ((0, 16), (16, 31))), 120).plain
    assert f"BM25 {bm25.score:.2f}" in text
    assert "in no document of the corpus" in text
    assert "exact rank #3 of 440, listed #1 by the approximate search, which missed" in text
    assert "nearest sentence .400 Ibuprofen dose." in text


def score(query: str, texts: Sequence[str]) -> Iterator[Sequence[float]]:
    for text in texts:
        asked = 0.5 if "child" in query else 0.0
        yield [2.0 * ("ibuprofen" in text.lower()) - 1.0 * ("adult" in text) + asked * ("child" in text)]


CHILD, ADULT = Passage("Ibuprofen\nFor a child. By weight.", 10), Passage("Ibuprofen. For an adult. [/b]")


def words_of(*passages: Passage, steps: int | None = None) -> Words:
    states = list(attribute(score, "ibuprofen child", passages))
    return Words(states[-1 if steps is None else steps], ScoreScale.LOGIT, "small")


def test_words_are_drawn_by_their_effect() -> None:
    content = words_view(words_of(ADULT), 100)
    lines = content.plain.split("\n")
    assert lines[0].startswith("small scores it .731 (logit +1.00)")
    assert lines[1] == "query ibuprofen +0.00  child +0.00"
    assert "Ibuprofen +2.00" in lines[2]
    assert "adult -1.00" in lines[2]
    assert "+2.00 Ibuprofen. -1.00 For an adult. +0.00 [/b]" in content.plain
    styles = {
        content.plain[span.start : span.end]: str(span.style)
        for span in content.spans
        if "underline" in str(span.style) or "italic" in str(span.style)
    }
    assert "underline" in styles["Ibuprofen"]
    assert "italic" in styles["adult"]


def test_words_come_in_and_may_be_stopped() -> None:
    early = words_of(ADULT, steps=2)
    assert f"leaving out parts, {early.done} of {early.total}; esc stops" in words_view(early, 100).plain
    assert "stopped after 2" in words_view(early, 100, "stopped after 2").plain
    assert "not scored yet" in words_view(words_of(ADULT, steps=0), 100).plain


def test_two_documents_stand_side_by_side() -> None:
    text = comparison_view(words_of(CHILD, ADULT), ("c-1", "a-1"), 110).plain
    lines = text.split("\n")
    assert "difference +1.50" in lines[0]
    assert lines[2].startswith("child")
    assert "left 0.50" in lines[2]
    assert any("adult" in line and "absent" in line and "left 1.00" in line for line in lines)
    assert any(line.startswith("c-1") and "│ a-1" in line for line in lines)
    assert all(len(line) <= 112 for line in lines)


def test_the_slope_chart_joins_the_two_orders() -> None:
    made = trace(scores=RERANKED, top_k=2)
    figures = "\n".join(line.plain for line in summary_lines(made, 100))
    assert "overlap@2 50%" in figures
    assert "1 into the top 2" in figures
    assert "largest rise ▲ 2 c" in figures
    rows = [row.plain for row in slope_rows(made, 80, 5, chosen="c")]
    assert [len(row) for row in rows] == [80] * 5
    assert rows[0].startswith(" a")
    assert "1 c" in rows[0]
    assert rows[2].startswith("▶c")
    assert all(any("\u2800" < char <= "\u28ff" for char in row) for row in rows)
    assert slope_rows(made, 20, 5) == []
    below = [row.plain for row in slope_rows(made, 80, 5, first=4)]
    assert below[0].startswith(" d")
    assert below[-1].strip() == ""
