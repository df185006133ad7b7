"""Makes heap profiles of any size with stacks that share their callers, as real ones do. Deterministic.

A random call tree, deepened from hot places, gives the stacks; locations are calls within functions, some with inlined
callers; sizes are Go's size classes. Tables grow with about the square root of the samples, as they do from the corpus'
477 samples (616 locations, 425 functions) to its 5 676 (2 040 and 1 181).
"""

import random
import zlib

SIZE_CLASSES = (16, 24, 32, 48, 64, 96, 128, 208, 256, 512, 1024, 2048, 4096, 8192, 32768, 262144)
PERIOD = 524288
_PACKAGES = (
    "main net/http encoding/json github.com/acme/shop/internal/orders github.com/acme/shop/pkg/cache reflect bytes "
    "google.golang.org/grpc/internal/transport github.com/bluele/gcache database/sql"
).split()


def varint(number: int) -> bytes:
    """`number` (64 bits) as protobuf writes it."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def heap_profile(samples: int, seed: int = 1, growth: float = 1.0, time_ns: int = 1_700_000_000_000_000_000) -> bytes:
    """An encoded profile (gzip) of `samples` samples. `growth` scales the counts; the stacks depend on `seed` only."""
    rng = random.Random(seed)
    locations = max(60, round(27 * samples**0.5))
    functions = max(40, round(0.6 * locations))
    names = [f"{rng.choice(_PACKAGES)}.(*T{i % 97}).method{i}" for i in range(functions)]
    files = [f"/go/src/{name.partition('.')[0]}/file{i % 50}.go" for i, name in enumerate(names)]
    kinds = ("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")
    words = [word for kind in kinds for word in kind]
    index: dict[str, int] = {}
    for text in ["", *words, "space", "/bin/shop", "build", *names, *files]:
        index.setdefault(text, len(index))
    out = [field(1, varint(8) + varint(index[kind]) + varint(16) + varint(index[unit])) for kind, unit in kinds]
    for stack, size, alloc, inuse in _rows(rng, samples, locations, growth):
        values = b"".join(map(varint, (alloc, alloc * size, inuse, inuse * size)))
        label = b"\x08" + varint(index["bytes"]) + b"\x18" + varint(size)
        out.append(field(2, field(1, stack) + field(2, values) + field(3, label)))
    out.append(field(3, b"\x08\x01\x10" + varint(0x400000) + b"\x18" + varint(0x2000000) + b"\x28" + varint(index["/bin/shop"])
                     + b"\x30" + varint(index["build"]) + b"\x38\x01"))  # fmt: skip
    for i in range(1, locations + 1):
        lines = [i % functions] + ([rng.randrange(functions)] if i % 4 == 0 else [])
        encoded = b"".join(field(4, b"\x08" + varint(f + 1) + b"\x10" + varint(10 + i % 400)) for f in lines)
        out.append(field(4, b"\x08" + varint(i) + b"\x10\x01\x18" + varint(0x401000 + 16 * i) + encoded))
    for i in range(functions):
        name, file = varint(index[names[i]]), varint(index[files[i]])
        out.append(field(5, b"\x08" + varint(i + 1) + b"\x10" + name + b"\x18" + name + b"\x20" + file))
    out += [field(6, text.encode()) for text in index]
    out += [b"\x48" + varint(time_ns), field(11, b"\x08" + varint(index["space"]) + b"\x10" + varint(index["bytes"]))]
    out += [b"\x60" + varint(PERIOD)]
    compressor = zlib.compressobj(1, wbits=31)  # level 1 is what Go's runtime/pprof uses
    return compressor.compress(b"".join(out)) + compressor.flush()


def _rows(rng: random.Random, samples: int, locations: int, growth: float) -> list[tuple[bytes, int, int, int]]:
    """(encoded stack, size, allocated objects, objects in use) of each sample."""
    stacks, depths = [b""], [0]
    rows = []
    while len(rows) < samples:
        parent = rng.randrange(max(0, len(stacks) - 400), len(stacks)) if rng.random() < 0.7 else rng.randrange(len(stacks))
        if depths[parent] > 40:
            continue
        stacks.append(varint(1 + min(int(rng.paretovariate(0.7)) - 1, 10**9) * 7919 % locations) + stacks[parent])
        depths.append(depths[parent] + 1)
        if depths[-1] < 6:
            continue
        for _ in range(1 + (rng.random() < 0.3)):
            size = rng.choice(SIZE_CLASSES)
            alloc = max(1, round(rng.paretovariate(1.1) * PERIOD / size))
            rows.append((stacks[-1], size, round(alloc * growth), round(alloc * growth * rng.choice((0, 0, 0.1, 1)))))
    return rows[:samples]
