"""Spans as they come: the OpenTelemetry protocol over HTTP, from request bodies to stored traces."""
