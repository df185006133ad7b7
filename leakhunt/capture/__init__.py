"""Fetches profiles from net/http/pprof to files. Only the command line imports it."""
