"""Log a production service's rankings as traces; see :mod:`rankscope.tracing.recorder`."""

from rankscope.tracing.recorder import Recorder, RecorderStats

__all__ = ["Recorder", "RecorderStats"]
