"""What changed between two traces of one query, and between two groups of traces."""

from rankscope.insight.diff.flip import Cause, Flip, why_flipped
from rankscope.insight.diff.groups import GroupDiff, Measured, PairDiff, diff_groups
from rankscope.insight.diff.pairing import Pairing, TraceKey, key_of, pair_up
from rankscope.insight.diff.setup import Change, comparable_scores, setup_changes
from rankscope.insight.diff.trace_diff import StageDiff, TraceDiff, diff_traces

__all__ = [
    "Cause",
    "Change",
    "Flip",
    "GroupDiff",
    "Measured",
    "PairDiff",
    "Pairing",
    "StageDiff",
    "TraceDiff",
    "TraceKey",
    "comparable_scores",
    "diff_groups",
    "diff_traces",
    "key_of",
    "pair_up",
    "setup_changes",
    "why_flipped",
]
