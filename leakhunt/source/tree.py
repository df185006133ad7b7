"""A checkout of Go source: finds the file a frame names and quotes the lines around it, or says why it will not.

A wrong quotation is worse than none, so a file is taken only where package and path agree, and quoted only where the
function around the line is the frame's. Reads files inside the tree, and immutable ones of the module cache; file names
come from profiles and are hostile until checked. History and owners are `leakhunt.source.history`.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from leakhunt.errors import ConfigError
from leakhunt.model.site import Frame, is_standard, package_of

MAX_FILE_BYTES = 8 << 20  # the largest Go file of Go 1.27 itself has 3.9 MB
MAX_MODULES = 200
MAX_FOLDER_DEPTH = 6  # where nested go.mod files are looked for
CONTEXT_LINES = 3
_SKIPPED_FOLDERS = frozenset({".git", "vendor", "node_modules", "testdata", ".venv"})
_FUNCTION = re.compile(r"func\s+(?:\(\s*(?:\w+\s+)?\*?(?P<receiver>\w+)[^)]*\)\s*)?(?P<name>\w+)\s*[\[(]")
_SYMBOL = re.compile(r"(?:\(\*?(?P<receiver>\w+)(?:\[.*?\])?\)\.|(?P<value_receiver>\w+)(?:\[.*?\])?\.)?(?P<name>\w+)")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file around a frame's line.

    path     relative to the tree's root, with forward slashes; for a dependency, relative to the module cache
    lines    text without line ends, the first being line `first`; `marked` is the frame's line
    root     the folder that `path` is relative to
    """

    root: Path
    path: str
    first: int
    marked: int
    lines: tuple[str, ...]


class SourceTree:
    """A folder of Go source. Raises ConfigError when it is not a folder."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise ConfigError("--source", f"{root} is not a folder")
        self.root = root.resolve()

    @cached_property
    def modules(self) -> tuple[tuple[str, Path], ...]:
        """Module paths with their folders, from every go.mod at most MAX_FOLDER_DEPTH deep, longest path first."""
        found = []
        for folder, folders, files in os.walk(self.root):
            depth = len(Path(folder).relative_to(self.root).parts)
            kept = [name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(("_", "."))]
            folders[:] = sorted(kept) if depth < MAX_FOLDER_DEPTH else []
            if "go.mod" in files and (name := _module_name(Path(folder) / "go.mod")):
                found.append((name, Path(folder)))
            if len(found) >= MAX_MODULES:
                break
        return tuple(sorted(found, key=lambda module: -len(module[0])))

    def locate(self, frame: Frame) -> tuple[Path, Path] | str:
        """(root, file) of a frame, or a sentence saying why there is none."""
        package = unquote(package_of(frame.function))
        base = PurePosixPath(frame.file.replace("\\", "/")).name
        if not base.endswith(".go"):
            return f"{frame.function} names no Go file"
        for module, folder in self.modules:
            if package == module or package.startswith(module + "/"):
                file = self._inside(self.root, folder / package[len(module) :].lstrip("/") / base)
                return (self.root, file) if file else f"{base} of {package} is not in {self.root}"
        vendored = self._inside(self.root, self.root / "vendor" / package / base)
        if vendored:
            return self.root, vendored
        if package == "main":
            return self._locate_main(frame, base)
        if "@v" in frame.file:
            return self._locate_in_module_cache(frame, package)
        kind = "the standard library" if is_standard(frame.function) else "another module"
        return f"{package} belongs to {kind}: its source is not in {self.root}"

    def quote(self, frame: Frame, context: int = CONTEXT_LINES) -> Excerpt | str:
        """The lines around a frame's line, or a sentence saying why they cannot be shown."""
        located = self.locate(frame)
        if isinstance(located, str):
            return located
        root, file = located
        path = file.relative_to(root).as_posix()
        lines = _read_lines(file)
        if lines is None:
            return f"{path} cannot be read"
        if not 1 <= frame.line <= len(lines):
            return f"{path} has {len(lines)} lines, the profile names line {frame.line}: other source than was built"
        wanted, around = _symbol_name(frame.function), _function_around(lines, frame.line)
        if wanted and around and wanted != around:
            return f"{path}:{frame.line} is in {around} here, in {wanted} in the profile: other source than was built"
        first = max(1, frame.line - context)
        return Excerpt(root, path, first, frame.line, tuple(lines[first - 1 : frame.line + context]))

    def _locate_main(self, frame: Frame, base: str) -> tuple[Path, Path] | str:
        parts = [part for part in PurePosixPath(frame.file.replace("\\", "/")).parts if part not in ("/", "..", ".")]
        for start in range(len(parts)):  # the longest tail of the profile's path that exists
            file = self._inside(self.root, self.root.joinpath(*parts[start:]))
            if file is None:
                continue
            named = start < len(parts) - 1 or len(parts) == 1 or parts[-2] == self.root.name
            if named or any(module.rpartition("/")[2] == parts[-2] for module, _ in self.modules):
                return self.root, file
            return f"main's {base} was built in a folder {parts[-2]}, which is not in {self.root}"
        for module, folder in self.modules:  # trimmed paths: example.org/app/cmd/server/main.go
            tail = frame.file.removeprefix(module + "/")
            if tail != frame.file and (file := self._inside(self.root, folder / tail)):
                return self.root, file
        return f"{frame.file} is not in {self.root}"

    def _locate_in_module_cache(self, frame: Frame, package: str) -> tuple[Path, Path] | str:
        cache = Path(os.environ.get("GOMODCACHE") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "pkg" / "mod")
        versioned = frame.file.replace("\\", "/").rpartition("/pkg/mod/")[2]
        file = self._inside(cache, cache / re.sub(r"[A-Z]", lambda upper: "!" + upper[0].lower(), versioned)) or self._inside(
            cache, cache / versioned
        )
        return (cache.resolve(), file) if file else f"{package} is a dependency that is not in the module cache here"

    @staticmethod
    def _inside(root: Path, file: Path) -> Path | None:
        """`file` resolved, None unless it is a regular file inside `root`, links followed."""
        try:
            resolved = file.resolve()
            return resolved if resolved.is_file() and resolved.is_relative_to(root.resolve()) else None
        except (OSError, ValueError, RuntimeError):  # a name with NUL, too long, or a loop of links
            return None


def _module_name(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(1 << 16)
    except OSError:
        return ""
    match = re.search(r'^module\s+"?([^\s"]+)"?', text, re.MULTILINE)
    return match[1] if match else ""


@lru_cache(maxsize=64)
def _read_lines(file: Path) -> list[str] | None:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            return None
        return file.read_bytes().decode("utf-8", "replace").splitlines()
    except OSError:
        return None


def _function_around(lines: list[str], line: int) -> str:
    """Name of the top-level function that line `line` stands in, `Put` or `Store.Put`; "" outside any."""
    for number in range(line, 0, -1):
        text = lines[number - 1]
        if match := _FUNCTION.match(text):
            return f"{match['receiver']}.{match['name']}" if match["receiver"] else match["name"]
        if number < line and text.startswith("}"):
            return ""
    return ""


def _symbol_name(function: str) -> str:
    """`Store.Put` of `example.org/app/cache.(*Store[...]).Put.func1`; "" for what no function declares (init, globals)."""
    rest = function[len(package_of(function)) + 1 :]
    match = _SYMBOL.match(rest)
    if match is None or match["name"] in ("init", "glob") or rest.startswith("init"):
        return ""
    receiver, name = match["receiver"], match["name"]
    if receiver is None and match["value_receiver"] is not None:  # T.Put, or Put.func1: a closure
        if re.fullmatch(r"func\d+|gowrap\d+|deferwrap\d+", name):
            return match["value_receiver"]
        receiver = match["value_receiver"]
    return f"{receiver}.{name.removesuffix('-fm')}" if receiver else name.partition("-")[0]
