"""Wires the stages: workspace, index builds, the pipeline of events."""
