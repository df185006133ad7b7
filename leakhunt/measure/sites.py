"""Sites from samples: every profile's stacks interned once into one table of allocation sites.

A stack is recognised by a 64-bit hash that a kernel computes for all samples at once; only a stack never seen before is walked
frame by frame. Two stacks are the same site when their frames agree after normalisation: the runtime's own
frames at the leaf dropped, generic arguments folded, addresses ignored, and lines ignored unless the granularity is "line".
"""

import hashlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leakhunt.errors import MismatchError
from leakhunt.kernels.stacks import hash_stacks
from leakhunt.model.profile import Profile
from leakhunt.model.site import AllocationSite, Frame, is_runtime, normalise

Granularity = Literal["function", "line"]

# Frames kept of one stack, from the leaf. Go records at most 128 physical frames (go1.23); inlining adds some.
MAX_FRAMES = 512
# Frames in all stacks of one profile together: a million samples of Go have some 50 million; a few seconds for the kernel.
MAX_PROFILE_FRAMES = 1_000_000_000
# Frames kept in the whole table; past it new stacks are cut to SHORT_FRAMES, so that no input can grow the table without bound.
MAX_TABLE_FRAMES = 20_000_000
SHORT_FRAMES = 16
_LINE_MULTIPLIER = np.uint64(0xC2B2AE3D27D4EB4F)  # odd: distinct lines get distinct numbers
_NO_FUNCTION = np.uint64(1)

UInt64s = NDArray[np.uint64]


class SiteTable:
    """Sites by index, in order of first appearance. `intern` costs O(stack entries) in numpy and one frame walk a new stack."""

    def __init__(self, granularity: Granularity = "function") -> None:
        self.granularity = granularity
        self._function_of_name: dict[str, int] = {}  # raw name -> index, so that a name is normalised once
        self._functions: dict[str, int] = {}
        self._names: list[str] = []
        self._hashes: list[int] = []
        self._runtime: list[bool] = []
        self._frames: dict[tuple[int, str, int], Frame] = {}
        self._table_frames = 0
        self._site_of_key: dict[bytes, int] = {}
        self._sites: list[AllocationSite] = []
        self._known_hashes: UInt64s = np.empty(0, dtype=np.uint64)
        self._known_sites: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._sites)

    @property
    def sites(self) -> tuple[AllocationSite, ...]:
        """All sites so far, by index."""
        return tuple(self._sites)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """uint64[K]: a digest of each site's frames, the same in whatever order the sites were met."""
        return np.frombuffer(b"".join(key[:8] for key in self._site_of_key), dtype="<u8")

    def intern(self, profile: Profile) -> NDArray[np.int64]:
        """int64[S]: the site of each sample of `profile`. Raises MismatchError where its stacks are no program's."""
        frames = int(np.diff(np.asarray(profile.line_offsets))[np.asarray(profile.stack_locations)].sum())
        if frames > MAX_PROFILE_FRAMES:
            raise MismatchError(profile.source, "a series", f"its stacks hold {frames:,} frames, which no program's do")
        names = list(profile.function_names)
        functions = [
            self._function(name) if index is None else index
            for name, index in zip(names, map(self._function_of_name.get, names), strict=True)
        ]
        hashes = self._stack_hashes(profile, np.array(functions, dtype=np.int64))
        unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        slots = np.searchsorted(self._known_hashes, unique)
        known = np.zeros(len(unique), dtype=bool)
        inside = slots < len(self._known_hashes)
        known[inside] = self._known_hashes[slots[inside]] == unique[inside]
        sites = np.empty(len(unique), dtype=np.int64)
        sites[known] = self._known_sites[slots[known]]
        new = np.flatnonzero(~known)
        if len(new):
            line_frames: dict[int, tuple[Frame, bool]] = {}
            for i in new[np.argsort(first[new], kind="stable")]:
                sites[i] = self._site_of_sample(profile, int(first[i]), functions, line_frames)
            self._known_hashes = np.concatenate([self._known_hashes, unique[new]])
            self._known_sites = np.concatenate([self._known_sites, sites[new]])
            order = np.argsort(self._known_hashes, kind="stable")
            self._known_hashes, self._known_sites = self._known_hashes[order], self._known_sites[order]
        return sites[inverse.reshape(-1)]

    def _function(self, raw_name: str) -> int:
        index = self._function_of_name.get(raw_name)
        if index is None:
            name = normalise(raw_name)
            index = self._functions.setdefault(name, len(self._names))
            if index == len(self._names):
                self._names.append(name)
                self._hashes.append(_key_of(name))
                self._runtime.append(is_runtime(name))
            self._function_of_name[raw_name] = index
        return index

    def _stack_hashes(self, profile: Profile, functions: NDArray[np.int64]) -> UInt64s:
        """uint64[S]: equal for samples whose stacks hold the same functions (and lines), runtime leaf frames left out."""
        key_of = np.append(np.asarray(self._hashes, dtype=np.uint64)[functions], _NO_FUNCTION)
        skipped_of = np.append(np.asarray(self._runtime, dtype=np.uint8)[functions], np.uint8(0))
        line_functions = np.asarray(profile.line_functions)
        line_keys = key_of[line_functions]  # -1, no function, takes the last
        if self.granularity == "line":
            line_keys ^= (np.asarray(profile.line_numbers).view(np.uint64) + np.uint64(1)) * _LINE_MULTIPLIER
        location_keys = np.zeros(len(profile.line_offsets) - 1, dtype=np.uint64)
        for location in np.flatnonzero(np.diff(np.asarray(profile.line_offsets)) == 0):
            location_keys[location] = _key_of(_unsymbolised(profile, int(location)).function)
        hashes = hash_stacks(
            profile.stack_offsets,
            profile.stack_locations,
            profile.line_offsets,
            line_keys,
            skipped_of[line_functions],
            location_keys,
        )
        return np.frombuffer(hashes, dtype=np.uint64)

    def _site_of_sample(
        self, profile: Profile, sample: int, functions: list[int], line_frames: dict[int, tuple[Frame, bool]]
    ) -> int:
        """Walks one sample. `functions` are the profile's in this table, `line_frames` what is known of its lines."""
        keep = MAX_FRAMES if self._table_frames < MAX_TABLE_FRAMES else SHORT_FRAMES
        frames: list[Frame] = []
        runtime: list[Frame] = []
        for location in profile.stack_locations[profile.stack_offsets[sample] : profile.stack_offsets[sample + 1]]:
            lines = range(profile.line_offsets[location], profile.line_offsets[location + 1])
            for line in lines:
                known = line_frames.get(line)
                if known is None:
                    known = line_frames[line] = self._frame(profile, line, functions)
                (frames if frames or not known[1] else runtime).append(known[0])
                if len(frames) >= keep or len(runtime) >= keep:
                    break
            if not len(lines):
                frames.append(_unsymbolised(profile, location))
            if len(frames) >= keep or len(runtime) >= keep:
                break
        frames = frames or runtime
        by_line = self.granularity == "line"
        text = "".join(f"{frame.function}\n{frame.line if by_line else 0}\n" for frame in frames)
        key = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        index = self._site_of_key.setdefault(key, len(self._sites))
        if index == len(self._sites):
            self._sites.append(AllocationSite(tuple(frames)))
            self._table_frames += len(frames)
        return index

    def _frame(self, profile: Profile, line: int, functions: list[int]) -> tuple[Frame, bool]:
        """The frame of one line of `profile`, and whether it is the runtime's."""
        function, number = profile.line_functions[line], profile.line_numbers[line]
        if function < 0:
            return self._interned(-1, "[unknown]", "", number), False
        index = functions[function]
        return self._interned(index, self._names[index], profile.function_files[function], number), self._runtime[index]

    def _interned(self, index: int, name: str, file: str, line: int) -> Frame:
        key = (index, file, line)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = Frame(name, file, line)
        return frame


def _key_of(name: str) -> int:
    """64 evenly spread bits of a name."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def _unsymbolised(profile: Profile, location: int) -> Frame:
    """A location without lines is named by its binary: its address would differ from run to run."""
    mapping = profile.location_mappings[location]
    binary = profile.mappings[mapping].file.rpartition("/")[2] if mapping >= 0 else ""
    return Frame(f"[{binary or 'unknown'}]")
