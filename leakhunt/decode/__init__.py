"""Bytes to model: tells what an input is and reads it. The only place that knows file formats."""
