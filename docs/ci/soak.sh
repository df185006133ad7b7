#!/bin/sh
# Runs the soak test and fails when it leaks. Wants go and leakhunt on PATH; to be run in the module's folder.
set -eu
SOAK_PROFILES=${SOAK_PROFILES:-$(mktemp -d)}
export SOAK_PROFILES
# A sample for each 16 KiB in place of 512 KiB: a test's heap is small.
go test -tags soak -run '^TestSoak$' -count 1 -memprofilerate 16384 ./...
leakhunt check "$SOAK_PROFILES" --min-growth 1MiB/h --trim-path "$PWD" -o leakhunt.html -o leakhunt.xml
