"""Benchmarks: whole processes, paired runs, ratios. Run as `python -m tests.bench.<name>`."""
