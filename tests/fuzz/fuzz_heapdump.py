"""Fuzzes the heap dump reader, the graph, its answers and the stripped form: nothing but DecodeError may come out.

    python -m tests.fuzz.fuzz_heapdump [SECONDS] [DUMP...]

Mutates the dumps given, and the small ones that the tests build: single bytes, runs of bytes copied from elsewhere, integers
set to their extremes, cuts. Memory is bounded by a resource limit, so that an allocation by a declared size shows as a crash.
Prints the inputs tried; the last one is kept in fuzz-heapdump.bin until it has passed, for when the process dies.
"""

import contextlib
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np
import zstandard

from leakhunt.decode.heapdump import read_dump
from leakhunt.decode.stripped import MAGIC, read_stripped, write_stripped
from leakhunt.errors import DecodeError
from leakhunt.graph.build import build_graph
from leakhunt.graph.shapes import name_by_shape
from leakhunt.heaps import answers
from leakhunt.heaps.census import expiry
from leakhunt.heaps.series import diff
from leakhunt.heaps.view import HeapView
from leakhunt.reports.answers import render_json, render_text
from tests.decode.test_heapdump import WHOLE
from tests.heaps import story

MEMORY_BYTES = 2 << 30
EXTREMES = (
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80\x01",
    b"\xff" * 9 + b"\x01",
    b"\xff" * 9 + b"\x02",
    b"\x80\x80\x80\x80\x80\x20",
    b"\xff" * 8 + b"\x7f",
)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """`seed` with one to five changes."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(data)) if data else 0
        match chance.randrange(5):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                data[place : place + 1] = chance.choice(EXTREMES)
            case 2:
                start, length = chance.randrange(len(seed)), chance.randint(1, 64)
                data[place : place + chance.choice((0, length))] = seed[start : start + length]
            case 3:
                del data[place : place + chance.randint(1, 16)]
            case _:
                if chance.randrange(8) == 0:
                    del data[place:]
    return bytes(data)


def run(data: bytes) -> None:
    """Everything that is done with a dump. Raises only DecodeError."""
    view = HeapView("x", build_graph(read_dump(memoryview(data), "x")))
    answer_all(view)
    write_stripped(view.graph, view.naming)


def run_stripped(body: bytes) -> None:
    """The same from a stripped dump, damaged behind its compression."""
    answer_all(HeapView("x", read_stripped(MAGIC + zstandard.compress(body, 1), "x")))


def answer_all(view: HeapView) -> None:
    """The answer of every command, in every form."""
    made = [make(view) for make in (answers.summary, answers.types, answers.roots, answers.tree, answers.dominators, expiry)]
    made += [diff([view, view]), answers.paths_of_objects(view, np.arange(view.graph.objects), "all")]
    if view.graph.objects:
        made.append(answers.path_of_object(view, int(view.graph.addresses[-1])) or made[0])
    for answer in made:
        render_json(answer)
        render_text(answer, 100)


def main(seconds: float, files: list[str]) -> None:
    """Runs for `seconds` and prints how many inputs were tried and how many were read to the end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    seeds = [WHOLE, story.FIRST, *(Path(file).read_bytes() for file in files)]
    graph = build_graph(read_dump(memoryview(story.FIRST), "x"))
    stripped = zstandard.decompress(write_stripped(graph, name_by_shape(graph))[len(MAGIC) :])
    chance = random.Random(time.time_ns())
    kept = Path("fuzz-heapdump.bin")
    end, tried, read = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        is_stripped = chance.randrange(4) == 0
        data = mutated(stripped if is_stripped else chance.choice(seeds), chance)
        kept.write_bytes(data)
        tried += 1
        with contextlib.suppress(DecodeError):
            (run_stripped if is_stripped else run)(data)
            read += 1
    kept.unlink()
    print(f"{tried:,} inputs in {seconds:.0f} s, {read:,} of them read to the end, nothing but DecodeError raised")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, sys.argv[2:])
