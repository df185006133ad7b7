"""Profiles in text form: Go's `?debug=1` and `?debug=2`, with the memory statistics at their end.

Numbers are those that `go tool pprof` gets from the same file (github.com/google/pprof/profile/legacy_profile.go, Go 1.26);
names come from the comment lines under each stack, which pprof leaves unread and then shows addresses.
Unlike pprof, Go's heap text keeps all four columns even where everything allocated is still in use.
"""

from __future__ import annotations

import io
import itertools
import math
import re
from array import array
from collections.abc import Iterator

from leakhunt.errors import DecodeError
from leakhunt.model.profile import Mapping, Profile, ProfileKind, ValueType

_HEAP_HEADER = re.compile(r"heap profile: *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\] *@ *(heap[_a-z0-9]*)/?(\d*)", re.ASCII)
_HEAP_SAMPLE = re.compile(r"(-?\d+): *(-?\d+) *\[ *(\d+): *(\d+) *] @([ x0-9a-f]*)", re.ASCII)
_COUNT_HEADER = re.compile(r"(goroutine|goroutineleak) profile: total \d+", re.ASCII)
_COUNT_SAMPLE = re.compile(r"(\d+) @((?: 0x[0-9a-f]+)*)", re.ASCII)
_GOROUTINE = re.compile(r"goroutine \d+(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[(.*)\]:", re.ASCII)
_POSITION = re.compile(r"\t(.*):(\d+)(?: \+0x[0-9a-f]+)?(?: fp=.*)?", re.ASCII)
_MAX_INT64 = (1 << 63) - 1
_LARGEST_FLOAT = float((1 << 63) - 1024)  # the largest float that is an int64
MAX_TEXT_FRAMES = 2_000_000  # distinct ones; the largest Go programs have some hundred thousand program counters in all
# Sections that only the C++ libraries write.
_MEMORY_MAP = ("--- Memory map: ---", "MAPPED_LIBRARIES:")

Frame = tuple[int, str, str, int]  # program counter, function ("" unknown), file, line


def decode_heap(data: bytes, source: str) -> Profile:
    """A heap profile in text form, `data` beginning with `heap profile:`. Cost: linear. Raises DecodeError."""
    lines = _Lines(data)
    header = next((_HEAP_HEADER.search(line) for line in lines if line.strip()), None)
    if header is None:
        raise DecodeError(source, None, "is not a readable heap profile: its first line is not one")
    kind, period = header[5], _int64(header[6] or "0", source, "the sampling rate")
    if kind not in ("heap", "heap_v2", "heapz_v2", "heapprofile"):
        raise DecodeError(source, None, f"is a {kind} profile, not of Go; for a Go program fetch /debug/pprof/heap instead")
    if kind == "heap":
        period //= 2  # Go writes twice its MemProfileRate there, as the first C++ profiler did
    if kind != "heap" and any(line.strip().startswith(_MEMORY_MAP) for line in lines):
        reason = "is a heap profile of tcmalloc, so of a C++ program; for a Go program fetch /debug/pprof/heap instead"
        raise DecodeError(source, None, reason)
    table = _Table(source)
    stack: list[int] = []
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith(_MEMORY_MAP):
            break
        if line.startswith("#"):
            table.symbol(line)
        elif line and number > 1 and not line.startswith("heap profile:"):
            sample = _HEAP_SAMPLE.search(line)
            if sample is None:
                raise DecodeError(source, None, f"is not a readable heap profile: line {number} is no sample: {line[:60]!r}")
            row = [_int64(sample[i], source, f"line {number}") for i in (3, 4, 1, 2)]
            stack = _addresses(sample[5], source, number)
            block = 0
            for i in (0, 2):
                if row[i] == 0 and row[i + 1] != 0:
                    raise DecodeError(source, None, f"is not a readable heap profile: line {number} has bytes in no object")
                if row[i] != 0:
                    block = _quotient(row[i + 1], row[i])
                    if kind != "heapprofile":
                        row[i], row[i + 1] = _scaled(row[i], row[i + 1], period)
            table.sample(row, stack, block)
    names = ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")
    types = tuple(ValueType(name, "count" if name.endswith("objects") else "bytes") for name in names)
    memstats = _memstats(lines)
    period = 1 if kind == "heapprofile" else period
    return table.profile(ProfileKind.HEAP, types, period, ValueType("space", "bytes"), memstats)


def decode_goroutines(data: bytes, source: str) -> Profile:
    """A goroutine or goroutineleak profile as `?debug=1` prints it. Cost: linear. Raises DecodeError."""
    lines = _Lines(data)
    header = next((_COUNT_HEADER.fullmatch(line.strip()) for line in lines if line.strip() and not line.startswith("#")), None)
    if header is None:
        raise DecodeError(source, None, "is not a readable goroutine profile: its first line is not one")
    table = _Table(source)
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith("---"):
            break
        if line.startswith("#"):
            table.symbol(line)
        elif line and not _COUNT_HEADER.fullmatch(line):
            sample = _COUNT_SAMPLE.fullmatch(line)
            if sample is None:
                reason = f"is not a readable goroutine profile: line {number} is no stack: {line[:60]!r}"
                raise DecodeError(source, None, reason)
            table.sample([_int64(sample[1], source, f"line {number}")], _addresses(sample[2], source, number), 0)
    kind = ProfileKind.GOROUTINE if header[1] == "goroutine" else ProfileKind.GOROUTINE_LEAK
    return table.profile(kind, (ValueType(kind, "count"),), 1, ValueType(kind, "count"), {})


def decode_stacks(data: bytes, source: str) -> Profile:
    """Goroutine stacks as `?debug=2` or a crash prints them: each goroutine one by one, added up here by equal stack.

    Where some are marked `(leaked)`, as in a goroutineleak profile, only those count. The frame that created a goroutine is
    not on its stack and left out, as in the other forms. Cost: linear. Raises DecodeError."""
    counts: dict[tuple[Frame, ...], int] = {}
    leaked: dict[tuple[Frame, ...], int] = {}
    frames: list[Frame] = []
    known: dict[Frame, Frame] = {}
    state, function, created = "", "", False

    def close() -> None:
        if state:
            stack = tuple(frames)
            counts[stack] = counts.get(stack, 0) + 1
            if "(leaked)" in state:
                leaked[stack] = leaked.get(stack, 0) + 1

    for line in _Lines(data):
        if start := _GOROUTINE.fullmatch(line):
            close()
            state, frames, function, created = start[1] or "unknown", [], "", False
        elif state and not line.strip():
            close()
            state = ""
        elif state and not line.startswith("\t"):
            created = line.startswith("created by ")
            function = line[: line.rfind("(")] if line.endswith(")") and "(" in line else line
        elif state and function and not created and (position := _POSITION.fullmatch(line)):
            frame = (0, function, position[1], _line_number(position[2]))
            frames.append(known.setdefault(frame, frame))
            function = ""
            if len(known) > MAX_TEXT_FRAMES:
                raise DecodeError(source, None, f"is refused: its stacks have more than {MAX_TEXT_FRAMES} different frames")
    close()
    if not counts:
        raise DecodeError(source, None, "is not a readable goroutine profile: no goroutine has a stack in it")
    table = _Table(source)
    for stack, count in (leaked or counts).items():
        table.symbolised([count], list(stack))
    if leaked:
        total = sum(counts.values())
        table.notes.append(f"{source}: {sum(leaked.values())} of {total} goroutines are marked leaked; only those count")
    kind = ProfileKind.GOROUTINE_LEAK if leaked else ProfileKind.GOROUTINE
    return table.profile(kind, (ValueType(kind, "count"),), 1, ValueType(kind, "count"), {})


class _Table:
    """Collects samples into a Profile's columns. A sample's comment lines come after it, so it is closed by the next one."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.notes: list[str] = []
        self._values, self._blocks = array("q"), array("q")
        self._stack_offsets, self._stack_locations = array("q", [0]), array("q")
        self._line_offsets, self._line_functions, self._line_numbers = array("q", [0]), array("q"), array("q")
        self._addresses = array("Q")
        self._locations: dict[object, int] = {}
        self._functions: dict[tuple[str, str], int] = {}
        self._pending: list[int] | None = None
        self._symbols: list[Frame] = []

    def sample(self, values: list[int], stack: list[int], block_bytes: int) -> None:
        """A sample with the return addresses `stack`; `symbol` may name its frames afterwards."""
        self._close()
        self._values.extend(values)
        self._blocks.append(block_bytes)
        self._pending = stack

    def symbolised(self, values: list[int], frames: list[Frame]) -> None:
        """A sample whose frames are known by name."""
        self.sample(values, [], 0)
        self._symbols = frames

    def symbol(self, line: str) -> None:
        """Takes a comment line under a sample: `#`, address, function+offset, file:line, separated by tabs."""
        fields = [field for field in line.split("\t") if field]
        if self._pending is None or len(fields) < 2 or fields[0] != "#" or not fields[1].startswith("0x"):
            return
        try:
            counter = int(fields[1], 16) & (1 << 64) - 1
            if len(fields) == 2:
                self._symbols.append((counter, "", "", 0))
            elif len(fields) == 4:
                file, _, number = fields[3].rpartition(":")
                self._symbols.append((counter, fields[2].rpartition("+")[0] or fields[2], file, _line_number(number)))
        except ValueError:
            return  # a comment that looked like a frame

    def _close(self) -> None:
        """Ends the sample. Where its frames are named, they are the stack: Go leaves out only runtime frames at the leaf
        and runtime.goexit, as in its protobuf form. Else the addresses are, less one to fall on the call."""
        if self._pending is None:
            return
        frames = self._symbols or [((address - 1) & (1 << 64) - 1, "", "", 0) for address in self._pending]
        self._stack_locations.extend(self._location(frame) for frame in frames)
        self._stack_offsets.append(len(self._stack_locations))
        self._pending, self._symbols = None, []

    def _location(self, frame: Frame) -> int:
        known = self._locations.get(frame)
        if known is not None:
            return known
        if len(self._locations) >= MAX_TEXT_FRAMES:
            raise DecodeError(self._source, None, f"is refused: its stacks have more than {MAX_TEXT_FRAMES} different frames")
        counter, function, file, line = frame
        index = self._locations[frame] = len(self._locations)
        self._addresses.append(counter)
        if function:
            self._line_functions.append(self._functions.setdefault((function, file), len(self._functions)))
            self._line_numbers.append(line)
        self._line_offsets.append(len(self._line_functions))
        return index

    def profile(
        self,
        kind: ProfileKind,
        types: tuple[ValueType, ...],
        period: int,
        period_type: ValueType,
        memstats: dict[str, int],
    ) -> Profile:
        """The profile of all samples so far. LastGC stands for the time, which the text forms do not give."""
        self._close()
        last_gc = memstats.get("LastGC", 0)
        time_ns = last_gc if 0 < last_gc <= _MAX_INT64 else 0
        if time_ns:
            self.notes.append(f"{self._source} does not say when it was taken; the last collection's time stands for that")
        mapped = array("q", [0]) * len(self._locations)
        return Profile(
            source=self._source,
            kind=kind,
            sample_types=types,
            default_sample_type="",
            values=_column(self._values),
            stack_offsets=_column(self._stack_offsets),
            stack_locations=_column(self._stack_locations),
            block_bytes=_column(self._blocks),
            line_offsets=_column(self._line_offsets),
            line_functions=_column(self._line_functions),
            line_numbers=_column(self._line_numbers),
            location_addresses=memoryview(self._addresses).cast("B").cast("q"),
            location_mappings=_column(mapped),
            function_names=[name for name, _ in self._functions],
            function_files=[file for _, file in self._functions],
            mappings=(Mapping("", "", 0, (1 << 64) - 1),),
            period=period,
            period_type=period_type,
            time_ns=time_ns,
            memstats=memstats,
            notes=tuple(self.notes),
        )


def _column(numbers: array[int]) -> memoryview:
    return memoryview(numbers)


class _Lines:
    """The lines of `data` one by one, as often as asked for: no list of them, which could weigh many times the text."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[str]:
        for line in io.BytesIO(self._data):
            yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


def _line_number(text: str) -> int:
    """`text`, all digits, as a line number; 0 where it cannot be one."""
    return int(text) if len(text) < 19 else 0


def _int64(text: str, source: str, where: str) -> int:
    number = int(text) if len(text) < 21 else _MAX_INT64 + 1
    if abs(number) > _MAX_INT64:
        raise DecodeError(source, None, f"is not a readable profile: {where} has a number that does not fit 64 bits")
    return number


def _addresses(text: str, source: str, number: int) -> list[int]:
    found = [int(digits, 16) for digits in re.findall(r"0x[0-9a-f]+", text)]
    if any(address >> 64 for address in found):
        raise DecodeError(source, None, f"is not a readable profile: line {number} has an address that does not fit 64 bits")
    return found


def _quotient(size: int, count: int) -> int:
    """Division as in Go, towards zero."""
    quotient = abs(size) // abs(count)
    return quotient if (size < 0) == (count < 0) else -quotient


def _scaled(count: int, size: int, period: int) -> tuple[int, int]:
    """What the sampled numbers stand for, as pprof's scaleHeapSample and the runtime's own (protomem.go) compute it."""
    if count == 0 or size == 0:
        return 0, 0
    if period <= 1:
        return count, size
    try:
        scale = 1 / (1 - math.exp(-(float(size) / float(count)) / float(period)))
    except ZeroDivisionError:  # a size that vanishes beside the period
        scale = math.inf
    except OverflowError:  # a negative one that dwarfs it
        scale = 0.0
    return _truncated(float(count) * scale), _truncated(float(size) * scale)


def _truncated(number: float) -> int:
    """The integer part, at most what 64 bits hold."""
    return int(max(-_LARGEST_FLOAT, min(_LARGEST_FLOAT, number)))


def _memstats(lines: _Lines) -> dict[str, int]:
    """The `# Name = value` lines; `# Stack = 1 / 2` is StackInuse and StackSys, a list keeps no number."""
    found: dict[str, int] = {}
    for line in itertools.dropwhile(lambda line: line.strip() != "# runtime.MemStats", lines):
        name, equals, value = line.removeprefix("# ").partition(" = ")
        if not equals or not line.startswith("# "):
            continue
        numbers = value.split(" / ")
        if all(number.isascii() and number.isdigit() and len(number) < 21 for number in numbers):
            if len(numbers) == 2:
                found[f"{name}Inuse"], found[f"{name}Sys"] = int(numbers[0]), int(numbers[1])
            elif len(numbers) == 1:
                found[name] = int(numbers[0])
    return found
