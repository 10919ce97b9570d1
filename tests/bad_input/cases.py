"""Every case of hostile input, class by class.

Not here, because what they attack does not exist yet: model and fingerprint files
(pickles, truncated or with weights that are no numbers; issue 4), policy files
(regular expressions and aliases without end, duplicate keys; issue 3), and live
interfaces. Two of the list's ways are tested elsewhere: resynchronising after a
broken record and following a growing file, with the reader that does them.
"""

from . import compression, containers_pcap, containers_pcapng, packets, tcp
from .case import Case

CASES: list[Case] = [
    case for module in (containers_pcap, containers_pcapng, compression, packets, tcp) for case in module.CASES
]

CLASSES = range(1, 69)
"""Numbers of the classes in the list."""
