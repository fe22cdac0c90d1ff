"""The smallest single change of a setting that brings a document into the result."""

from rankscope.insight.rescue.change import Change, Rescue
from rankscope.insight.rescue.paper_run import Outcome, Probe, Setup, outcome_of
from rankscope.insight.rescue.search import rescue
from rankscope.insight.rescue.situation import LARGEST_DEPTH

__all__ = ["LARGEST_DEPTH", "Change", "Outcome", "Probe", "Rescue", "Setup", "outcome_of", "rescue"]
