"""Fetches profiles from net/http/pprof to files. Only the command line imports it.

From a URL to a series, top down:

    session       when to take snapshots, of several targets at once; reports what happens as events
    pair          two snapshots in memory, for `hunt URL`
    snapshot      one snapshot: which profiles to ask for, what each body must be, what is known about the process
    client        one request: TLS, credentials, deadline, retries, and one clear line for everything that can go wrong
    record        the metadata file beside each snapshot
    folder        a series on disk: atomic files, names that sort, a cap that keeps the first, the newest and an even thinning
    target, credentials, connection, process, thinning   the pure parts: what a URL means, where secrets come from,
                  how to connect, whether a process restarted, what to drop

Bodies are checked by decoding them before they get a name. Nothing here judges a profile: that is `leakhunt.hunt`.
"""
