"""Where alerts go: one small file a format and a transport, put together by `open_sink`.

In: alerts of `policy.alert`. Out: lines in files, syslog messages, requests, runs of a program. No line is torn, no
text from outside is obeyed, and what was not delivered is counted.
"""

from wiretropy.sinks.queue import Delivery, Sink
from wiretropy.sinks.spec import file_of, open_sink

__all__ = ["Delivery", "Sink", "file_of", "open_sink"]
