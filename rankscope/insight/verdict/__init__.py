"""The verdict on a system from its judged traces: rerank, retrieve better, gate, leave it, or label more."""
