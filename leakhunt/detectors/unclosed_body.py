"""Response bodies that are not closed: each holds a connection, its two buffers and two goroutines.

Looks for: growing sites under net/http's Transport that make a connection, and the readLoop and writeLoop goroutines that
    serve it, growing in pairs.
Why it matters: a connection whose body was not read and closed is neither reused nor freed. The same picture comes from a
    Transport made for each request.
How it decides: (*Transport).dialConn or a persistConn function is on the stack of a site of a group that grows
    significantly, or a heap dump finds its objects on the stacks that serve connections. With goroutine profiles, readLoop
    goroutines that grow too make the confidence high.
When it is wrong: many connections that are in use, or idle within MaxIdleConns; then the number levels off.
What to do: read and close every body, on every path; share one client.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import function_on
from leakhunt.detectors.held import held_in, shows
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import CONNECTION_FRAMES, GOROUTINE_RATIO

PATTERN = "unclosed-body"
_CONNECTIONS = ("net/http.(*Transport).", "net/http.(*persistConn).", "net/http.(*http2Transport).")


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups of client connections."""
    loops = evidence.goroutines.count("net/http.(*persistConn).readLoop")
    rising = len(loops) > 1 and loops[-1] > GOROUTINE_RATIO * max(loops[0], 1)
    for group in evidence.growing_groups:
        function = function_on(evidence, group, _CONNECTIONS, within=CONNECTION_FRAMES)
        if function is None and (shown := shows(held_in(evidence, group), PATTERN)):
            function = shown.retention.root.name
        if function is None:
            continue
        goroutines = f"; readLoop goroutines rose from {loops[0]:,} to {loops[-1]:,}" if rising else ""
        yield Finding(
            detector="unclosed-body",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if rising else Confidence.MEDIUM,
            sites=group.sites,
            text=f"client connections pile up: {function} makes them and they are not given back{goroutines}",
            facts={"function": function, "read_loops": loops[-1] if loops else 0},
            remedy="""Read and close every body, and share one client:
    resp, err := client.Get(url)
    if err != nil {
        return err
    }
    defer resp.Body.Close()
    io.Copy(io.Discard, resp.Body)""",
        )
