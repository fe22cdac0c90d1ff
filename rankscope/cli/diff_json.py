"""Differences of traces as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rankscope.engine.comparing import Comparison
    from rankscope.insight.diff import Flip, GroupDiff, PairDiff, TraceDiff
    from rankscope.insight.movement import Movement

__all__ = ["group_diff_to_json", "trace_diff_to_json"]


def trace_diff_to_json(diff: TraceDiff) -> dict[str, Any]:
    """Two traces; ``score_change`` is null where the scores may not be compared."""
    return {
        "before": diff.before.trace_id,
        "after": diff.after.trace_id,
        "query": diff.after.query.text,
        "same_query": diff.same_query,
        "top_k": diff.top_k,
        **_movement(diff.movement),
        "diverges_at": diff.diverges_at,
        "decision": [diff.before.decision, diff.after.decision],
        "flip": _flip(diff.flip),
        "kept_entered": list(diff.entered),
        "kept_left": list(diff.left),
        "changes": [asdict(change) for change in diff.changes],
        "scores_incomparable": diff.incomparable or None,
        "coverage": None if diff.coverage is None else diff.coverage.as_json(),
        "stages": [
            {
                "stage": stage.stage,
                "status": [None if side is None else side.status for side in (stage.before, stage.after)],
                "ms": list(stage.ms),
                "same": stage.same,
                **({} if stage.movement is None else _movement(stage.movement)),
            }
            for stage in diff.stages
        ],
        "moves": [
            {
                "doc_id": move.doc_id,
                "before": move.before,
                "after": move.after,
                "kind": move.kind,
                "places": move.places if move.kind not in ("new", "gone") else None,
                "score_change": diff.score_change(move.doc_id),
            }
            for move in diff.movement.moves
        ],
    }


def group_diff_to_json(diff: GroupDiff, comparison: Comparison) -> dict[str, Any]:
    """Two groups: distributions, flips, the worst ten, measures, and every pair."""
    pairing = comparison.pairing
    return {
        "before": comparison.before.name,
        "after": comparison.after.name,
        "pairs": len(diff.pairs),
        "alone_before": pairing.alone_before,
        "alone_after": pairing.alone_after,
        "older": pairing.older,
        "top_k": diff.top_k,
        "changes": [{**asdict(change), "pairs": count} for change, count in diff.changes.items()],
        "distributions": {name: asdict(diff.spread(name)) for name in ("overlap", "rbo", "tau")},
        "top_changed": sum(pair.top_changed for pair in diff.pairs),
        "divergence": dict(diff.divergence),
        "latency_ms": {
            stage: {"before": asdict(old), "after": asdict(new)}
            for stage, (old, new) in diff.latency().items()
        },
        "latency_as_recorded": sorted(diff.recorded),
        "scored_together": list(diff.together),
        "causes": dict(diff.causes),
        "flips": [_pair(pair) for pair in diff.flips],
        "worst": [_pair(pair) for pair in diff.worst],
        "judged": diff.judged,
        "unanswerable": diff.unanswerable,
        "refused_unanswerable": list(diff.refusals),
        "measures": [asdict(item) for item in diff.measured],
        "traces": [_pair(pair) for pair in diff.pairs],
    }


def _movement(movement: Movement) -> dict[str, Any]:
    return {
        "overlap": movement.overlap,
        "rbo": movement.rbo,
        "tau": movement.tau,
        "top_changed": movement.top_changed,
        "entered": list(movement.entered),
        "left": list(movement.left),
    }


def _flip(flip: Flip | None) -> dict[str, Any] | None:
    return None if flip is None else asdict(flip)


def _pair(pair: PairDiff) -> dict[str, Any]:
    return {
        "before": pair.before_id,
        "after": pair.after_id,
        "query": pair.query,
        "overlap": pair.overlap,
        "rbo": pair.rbo,
        "tau": pair.tau,
        "top_changed": pair.top_changed,
        "diverges_at": pair.diverges_at,
        "flip": _flip(pair.flip),
        "coverage": None if pair.coverage is None else pair.coverage.as_json(),
    }
