"""Event sources that deliver Alibaba Cloud messages straight to a service as CloudEvents.

The package is cut along the way of a message: a *source* (`sources/`) receives it, the *flow*
(`flow/`) converts, delivers and settles it, the *sink* (`sink/`) encodes one event and reports one
outcome over the HTTP/1.1 client in `wire/`. `contract/` holds the values and promises they share,
`runtime/` makes a process of them, `testing/` ships the emulators, `cli/` is what people type.
"""

__version__ = "0.1.0"
