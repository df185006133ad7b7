"""The source beside a finding: the compiler's escape analysis, the lines themselves, who changed them last, who owns them.

A tour: `toolchain` runs `go build` and `leakhunt.decode.escape` reads what it says; `escapes` matches that to allocation
sites and `flows` words it; `tree` finds a frame's file in a checkout and quotes it; `history` asks git and CODEOWNERS;
`annotate` adds all of it to a Report. Only `leakhunt.cli` imports this package: it reads files and runs programs.
"""
