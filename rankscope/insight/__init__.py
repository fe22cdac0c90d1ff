"""What is learned from traces: pure functions of traces and judgments."""
