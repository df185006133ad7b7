"""Profiles in protobuf form: the corpus against its manifest and Go's own reader, and what is refused."""

import csv
import gzip
import subprocess
from pathlib import Path

import pytest

from leakhunt.decode import load, read_file
from leakhunt.errors import DecodeError
from leakhunt.model.profile import Profile, ProfileKind


def rows(corpus: Path, *kinds: str) -> list[dict[str, str]]:
    with open(corpus / "manifest.csv", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["kind"] in kinds]
    assert found
    return found


def totals(profile: Profile) -> list[int]:
    width = len(profile.sample_types)
    return [sum(profile.values[t::width]) for t in range(width)]


def test_every_heap_profile_of_the_corpus_has_the_totals_that_pprof_prints(corpus: Path, gopprof: str) -> None:
    for row in rows(corpus, "go-heap-pb", "heap-pb"):
        path = str(corpus / row["file"])
        profile = load(read_file(path), row["file"])
        assert profile.kind == ProfileKind.HEAP
        assert profile.samples == int(row["samples"])
        raw = subprocess.run([gopprof, "-raw", path], capture_output=True, text=True, check=True, errors="replace").stdout
        header, _, rest = raw.partition("Samples:\n")[2].partition("\n")
        assert [name.split("/")[0].removesuffix("[dflt]") for name in header.split()] == [t.type for t in profile.sample_types]
        printed = [0] * len(profile.sample_types)
        for line in rest.partition("Locations\n")[0].splitlines():
            numbers, colon, _ = line.partition(":")
            if colon and len(numbers.split()) == len(printed) and not line.startswith(" " * 16):
                printed = [a + int(b) for a, b in zip(printed, numbers.split(), strict=True)]
        assert totals(profile) == printed, row["file"]


@pytest.mark.parametrize("data", [b"\x12\x05\x0a", b"\x0a\x04\x08\x01\x10\x02", b"\xff" * 11, b"\x12\xff\xff\xff\xff\x0f"])
def test_a_malformed_profile_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(DecodeError) as refusal:
        load(data, "some.pb")
    assert "\n" not in str(refusal.value)


def test_gzip_that_ends_early_is_refused() -> None:
    with pytest.raises(DecodeError, match="cut off"):
        load(gzip.compress(b"x" * 1000)[:-9], "some.pb.gz")
