"""Labelled traffic, made with real programs in network namespaces.

The lab starts real servers and clients in two namespaces joined by one virtual cable, captures what they say to
each other at the client's end, and writes down the truth about every flow: what it is, which programs spoke,
with which settings, and from which payload byte on each direction is encrypted. No packet leaves the namespaces;
they have no route to anywhere else.

    python -m lab --list
    python -m lab --out DIR [--only CLASS...]

Making traffic needs root, Linux and the packages that `lab/install.sh` installs. Reading captures (`lab.pcap`,
`lab.onset`) and the list of classes needs only Python.
"""
