"""Takes names out of a report that leaves the house: Report to Report, so that every format is redacted alike.

`names`  functions, types, fields, roots and paths become salted hashes, piece by piece, so that what belongs together still
         shows (`p4c1….(*n07a….)` is one type of one package). The standard library, `main` and numbers stay readable.
`full`   the standard library goes too, and with it every sentence, note and build id: what is left is verdicts, patterns,
         numbers and shapes.

Fingerprints stay, so that a redacted report still meets its baseline. They are hashes without salt: who knows the very stack
can recognise it. The map from token to name is for the one who redacts; hashing is HMAC-SHA256, cut to 40 bits.
"""

import hashlib
import hmac
import re
from dataclasses import replace
from enum import StrEnum

from leakhunt.model.finding import Case, Cleared, Fact, Finding, GcRoot, Input, Report, Retention
from leakhunt.model.series import Series
from leakhunt.model.site import STANDARD_LIBRARY, AllocationSite, Frame, is_standard, package_of

TOKEN_DIGITS = 10
# Go's predeclared identifiers and the keywords that stand in type names, the words of compiler-made functions, and units.
_PLAIN = frozenset(
    "any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string uint uint8 "
    "uint16 uint32 uint64 uintptr chan func interface map struct main init glob go shape x B KiB MiB GiB TiB h leakhunt".split()
)
_COMPILER_MADE = re.compile(r"func\d+(?:gowrap\d+)?|gowrap\d+|deferwrap\d+")
_IDENTIFIER = re.compile(r"(?<!\w)[^\W\d]\w*")
_PIECE = re.compile(r"(?<!\w)[^\W\d][\w-]*(?:[./@~%+-][\w@~%+-]+)*")  # a qualified name or a path, without its brackets
_IDENTIFIER_LIKE = re.compile(r"(?<!\w)[^\W\d]\w*[)\]]?[./(\[][\w(*\[]|[a-z][A-Z]|_|^[*\[.]")
_SHORTEST_PLAIN_WORD = 4  # a shorter word of a sentence ("set", "add") is English more often than a name


class Redaction(StrEnum):
    """How much is taken out."""

    NONE = "none"
    NAMES = "names"
    FULL = "full"


def redact(report: Report, level: Redaction, salt: bytes) -> tuple[Report, dict[str, str]]:
    """`report` without names, and the private map from token to what it stands for. Same salt, same tokens."""
    if level is Redaction.NONE:
        return report, {}
    redactor = _Redactor(salt, full=level is Redaction.FULL)
    return redactor.report(report), dict(sorted(redactor.names.items()))


class _Redactor:
    """Holds the salt and what was replaced so far; each method redacts one noun of the model."""

    def __init__(self, salt: bytes, full: bool) -> None:
        self.names: dict[str, str] = {}
        self._salt = salt
        self._full = full
        self._sites: dict[AllocationSite, AllocationSite] = {}
        self._functions: dict[str, str] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        # Names from stacks, types and roots, which sentences may hold bare or with the package cut to its last element.
        self._known: set[str] = set()
        self._packages: dict[str, str] = {}

    def report(self, report: Report) -> Report:
        series = self.series(report.series) if report.series is not None else None
        cases = [replace(case, site=self.site(case.site), sites=tuple(map(self.site, case.sites))) for case in report.cases]
        retentions = [self.retention(case.retention) if case.retention else None for case in report.cases]
        cleared = [replace(entry, site=self.site(entry.site)) for entry in report.cleared]
        # Only now every name is known that a sentence could hold.
        return replace(
            report,
            headline=self.sentence(report.headline) or str(report.verdict),
            inputs=tuple(map(self.input, report.inputs)),
            cases=tuple(self.case(case, retention) for case, retention in zip(cases, retentions, strict=True)),
            cleared=tuple(map(self.cleared, cleared)),
            not_testable=replace(report.not_testable, reason=self.sentence(report.not_testable.reason)),
            notes=self.sentences(report.notes),
            next_steps=self.sentences(report.next_steps),
            command="",
            series=series,
        )

    def series(self, series: Series) -> Series:
        return replace(
            series,
            sites=tuple(map(self.site, series.sites)),
            sources=tuple(self.token("i", source) for source in series.sources),
            build_ids=tuple(self.build_id(build_id) for build_id in series.build_ids),
            segment_reasons=() if self._full else series.segment_reasons,
            notes=self.sentences(series.notes),
        )

    def case(self, case: Case, retention: Retention | None) -> Case:
        return replace(
            case,
            headline=self.sentence(case.headline) or f"{case.verdict}: {case.pattern}",
            evidence=tuple(map(self.finding, case.evidence)),
            remedy="" if self._full else self.sentence(case.remedy, known_only=True),
            retention=retention,
            source_notes=(),
        )

    def finding(self, finding: Finding) -> Finding:
        return replace(finding, text=self.sentence(finding.text), facts=self.facts(finding), remedy="")

    def facts(self, finding: Finding) -> dict[str, Fact]:
        return {
            self.sentence(name, known_only=True) or name: self.sentence(value) if isinstance(value, str) else value
            for name, value in finding.facts.items()
            if not (self._full and isinstance(value, str))
        }

    def cleared(self, cleared: Cleared) -> Cleared:
        return replace(cleared, reason=self.sentence(cleared.reason))

    def input(self, given: Input) -> Input:
        return replace(
            given,
            path=self.token("i", given.path),
            build_id=self.build_id(given.build_id),
            sha256="" if self._full else given.sha256,
            skipped=None if given.skipped is None else self.sentence(given.skipped) or "skipped",
        )

    def build_id(self, build_id: str) -> str:
        return self.token("b", build_id) if build_id and self._full else build_id

    def site(self, site: AllocationSite) -> AllocationSite:
        """The site with every frame redacted, its fingerprint and the frame to show first as they were."""
        if site not in self._sites:
            shown = AllocationSite(tuple(map(self.frame, site.frames)))
            shown.__dict__.update(fingerprint=site.fingerprint, leaf_index=site.leaf_index)  # what cached_property would keep
            self._sites[site] = shown
        return self._sites[site]

    def frame(self, frame: Frame) -> Frame:
        if is_standard(frame.function) and not self._full:
            return Frame(frame.function, "", frame.line)
        return Frame(self.function(frame.function), self.token("f", frame.file) if frame.file else "", frame.line)

    def function(self, function: str) -> str:
        """`example.com/shop.(*Store).Put` as `p….(*n…).n…`: the package as one piece, then each identifier."""
        if function not in self._functions:
            package = package_of(function)
            self._know(function[len(package) :], package)
            self._functions[function] = self.package(package) + self.identifiers(function[len(package) :])
        return self._functions[function]

    def retention(self, retention: Retention) -> Retention:
        steps = tuple(
            replace(step, edge=self.type_or_edge(step.edge), type=self.type_or_edge(step.type)) for step in retention.path
        )
        return Retention(GcRoot(retention.root.kind, self.type_or_edge(retention.root.name)), steps, retention.retained_bytes)

    def type_or_edge(self, text: str) -> str:
        """Every qualified name of a type, a field or a variable redacted, brackets and stars kept: `map[string]*p….n…`."""
        for name in _PIECE.findall(text):
            if not self._stays(name):
                self._know(name, package_of(name) if "." in name else "")
        return _PIECE.sub(lambda match: self.piece(match[0]), text)

    def piece(self, name: str) -> str:
        """A qualified name: package and identifiers apart; the standard library's stay unless everything goes."""
        if self._stays(name):
            return name
        package = package_of(name) if "." in name or "/" in name else ""
        if not package or package == name:
            return self.package(name) if "/" in name or name in self._packages else self.identifiers(name)
        return self.package(package) + self.identifiers(name[len(package) :])

    def package(self, package: str) -> str:
        """One token for a package, whether its whole path is given or, in a sentence, its last element."""
        return package if package in _PLAIN else self.token("p", self._packages.get(package, package))

    def identifiers(self, text: str) -> str:
        return _IDENTIFIER.sub(lambda match: match[0] if _stays_everywhere(match[0]) else self.token("n", match[0]), text)

    def _stays(self, name: str) -> bool:
        if all(map(_stays_everywhere, _IDENTIFIER.findall(name))):
            return True
        return not self._full and ("." in name or "/" in name) and is_standard(name)

    def _know(self, identifiers: str, package: str) -> None:
        """Remembers what a sentence may repeat."""
        self._known.update(name for name in _IDENTIFIER.findall(identifiers) if not _stays_everywhere(name))
        if package and package not in _PLAIN:
            last = package.rpartition("/")[2]
            self._known.update((package, last))
            self._packages.setdefault(last, package)

    def sentences(self, sentences: tuple[str, ...]) -> tuple[str, ...]:
        return () if self._full else tuple(map(self.sentence, sentences))

    def sentence(self, sentence: str, known_only: bool = False) -> str:
        """`sentence` with names replaced: words that look like a name, and plain words that are known to be one. With
        `known_only` (our own advice, which holds Go code) just the known ones. Nothing at all is left when all must go."""
        if self._full:
            return ""
        return re.sub(r"\S+", lambda match: self._word(match[0], known_only), sentence)

    def _word(self, word: str, known_only: bool) -> str:
        bare = word.strip(".,;:!?()[]{}\"'`")
        if bare in self._known and len(bare) >= _SHORTEST_PLAIN_WORD:
            return word.replace(bare, self.piece(bare))
        if not _IDENTIFIER_LIKE.search(bare) or bare in STANDARD_LIBRARY:
            return word
        if known_only:
            return _IDENTIFIER.sub(lambda match: self.piece(match[0]) if match[0] in self._known else match[0], word)
        return _PIECE.sub(lambda match: self.piece(match[0]), word)

    def token(self, kind: str, name: str) -> str:
        """The token of `name`: one letter for what it was (package, name, file, input, build) and hex digits."""
        if (kind, name) not in self._tokens:
            text = f"{kind}\0{name}".encode("utf-8", "surrogateescape")
            token = kind + hmac.new(self._salt, text, hashlib.sha256).hexdigest()[:TOKEN_DIGITS]
            self._tokens[kind, name] = token
            self.names[token] = name
        return self._tokens[kind, name]


def _stays_everywhere(identifier: str) -> bool:
    return identifier in _PLAIN or _COMPILER_MADE.fullmatch(identifier) is not None
