"""Feeds any bytes to the profile readers: `python -m tests.fuzz.fuzz_profile -max_total_time=600 CORPUS_FOLDER`.

Needs atheris (the extra `fuzz`). Whatever is read must be consistent, and shows as a table; anything that is raised but
DecodeError stops the run. Python code is instrumented; the compiled kernels are not, so inputs come from a grammar-blind
mutation of the seeds: the profiles that tests/bench/make.py and tests/decode/build.py make, and any given folder.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["leakhunt.decode", "leakhunt.measure.flat", "leakhunt.measure.diff"]):
    from leakhunt.decode import load, pprof, sniff, text
    from leakhunt.decode.decompress import decompress
    from leakhunt.errors import ConfigError, DecodeError
    from leakhunt.measure.diff import diff_table
    from leakhunt.measure.flat import flat_table
from leakhunt.reports.tables import render_diff, render_top
from tests.bench.make import heap_profile
from tests.decode.test_encode import check

LARGEST = 1 << 16


def one_input(data: bytes) -> None:
    """Reads `data` as whatever it may be; the first byte chooses."""
    choice, data = data[:1], data[1:]
    try:
        if choice < b"\x80":
            profile = pprof.decode(data, "fuzz")
        elif choice < b"\xa0":
            profile = load(data, "fuzz")
        elif choice < b"\xc0":
            profile = text.decode_heap(data, "fuzz")
        elif choice < b"\xe0":
            profile = text.decode_goroutines(data, "fuzz")
        else:
            profile = text.decode_stacks(data, "fuzz")
        check(profile)
        if profile.samples < 1000:
            render_top(flat_table(profile, limit=5), "table", 80)
            render_diff(diff_table(profile, profile, by_cum=True, by_line=True), "json")
    except (DecodeError, ConfigError) as error:
        if "\n" in str(error):
            raise AssertionError("a refusal has one line") from error
    sniff.sniff(data)
    sniff.refusal(data)


def seeds(folder: Path) -> None:
    """Writes the profiles to begin with."""
    small = decompress(heap_profile(20), "seed")
    heap = "heap profile: 1: 8 [2: 16] @ heap/1048576\n1: 8 [2: 16] @ 0x1 0x2\n#\t0x1\tmain.f+0x1\t/f.go:3\n"
    heap += "\n# runtime.MemStats\n# Alloc = 5\n# Stack = 1 / 2\n# LastGC = 7\n"
    goroutines = "goroutine profile: total 3\n3 @ 0x1 0x2\n#\t0x1\tmain.f+0x1\t/f.go:3\n"
    stacks = "goroutine 7 [chan receive, 3 minutes]:\nmain.f(0x1)\n\t/f.go:3 +0x1\ncreated by main.g\n\t/f.go:9 +0x2\n"
    contents = [b"\x00" + small, b"\x00" + small[: len(small) // 2], b"\xa0" + heap.encode(), b"\xc0" + goroutines.encode()]
    contents += [b"\xe0" + stacks.encode(), b"\x80" + heap_profile(5), b"\x80" + heap.encode()]
    for i, content in enumerate(contents):
        (folder / f"seed{i}").write_bytes(content)


def main() -> None:
    """Runs until libFuzzer's own limits (-max_total_time, -runs) end it."""
    with tempfile.TemporaryDirectory() as name:
        seeds(Path(name))
        atheris.Setup([*sys.argv, name, f"-max_len={LARGEST}"], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
