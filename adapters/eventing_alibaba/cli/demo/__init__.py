"""`eventing-alibaba demo`: a broker, an adapter and a service on this machine, and what arrives.

command.py      flags, and what becomes an exit code
play.py         once through a fixed number of messages; signals, and how a run ends
live.py         until Ctrl-C, with the page

stage.py        broker, service and adapter, started and ended in order
scenario.py     what a broker must offer to be shown, and how one is found; kafka.py is one
orders.py       its messages
sender.py       sends them
service.py      what they are delivered to
replica.py      keeps an adapter running; adapter.py is one process, tether.py what keeps it from
                outliving the demo
ledger.py       which messages were sent, delivered, duplicated, lost

performance.py  one run as people follow it
faults.py       what can be broken
gauges.py       what the adapter says about itself; meter.py rates and latencies; narrator.py the
                same in sentences
show.py         the terminal

room.py         the page's application: files, stream, commands
stream.py       what happens, as server-sent events
web.py          the page's server; guard.py whom it answers; assets.py its files
page/           the page: no build step, no foreign host
"""

from eventing_alibaba.cli.demo.command import arguments, execute

__all__ = ["arguments", "execute"]
