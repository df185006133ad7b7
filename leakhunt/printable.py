"""Makes text from inputs harmless to show on a terminal or in a log line.

Function names, file paths and labels come from files that somebody else wrote. Escape sequences, line breaks and
right-to-left marks in them could forge output. Renderers for HTML, Markdown or XML still escape their own markup.
"""

MAX_SHOWN_CHARACTERS = 512  # the longest symbol in 148 public profiles has 254 characters; double it, then cut

# Cc: control, Cf: format (bidirectional overrides, zero width), Cs: lone surrogates (bytes that were not UTF-8),
# Co/Cn: private and unassigned, Zl/Zp: line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """`text` with every character that does not show as itself written as a \\x, \\u or \\U escape, cut to `limit`
    characters with an ellipsis in the middle. Cost is linear in min(len(text), limit)."""
    if len(text) > limit:
        half = (limit - 1) // 2
        text = text[:half] + "…" + text[-half:]
    if text.isascii() and text.isprintable():
        return text
    import unicodedata  # here, because names are ASCII as a rule and this is on the way of every start

    return "".join(_escaped(c) if unicodedata.category(c) in _HIDDEN_CATEGORIES else c for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: the byte itself
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
