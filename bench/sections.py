"""The parts of the benchmark: each measures one thing and gives a section of the report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from bench import captures, flowgen, peers, subject, truth
from bench.measure import BenchError, Spread, ratio, run, spread
from bench.report import Check, Section, Table, at_least, at_most

FLOOR_RATIO = 2.0
ONE_PACKET_CPU_S = 0.5
HELP_WALL_S = 0.3
THREADS_GAIN = 1.6
PEAK_MB = 200
OPEN_FLOWS_GB = 1.5
DOUBLING = 2.2
"""Targets: times the lower bound, CPU seconds, wall seconds, times faster, MB (10**6), GB (10**9), times the time."""

OPEN_FLOWS, OPEN_PAYLOAD = 1_000_000, 1_024
"""Flows open at once and payload bytes of each, for memory."""

LINEAR_FLOWS, LINEAR_PAYLOAD = 2_000_000, 64
"""Largest number of flows and payload bytes of each, for linearity."""

LEAST_S = 0.001
"""What counts as no time at all: in trial runs the few flows can take less than start-up varies."""

LINEAR_STEPS = 3
"""Sizes measured: the largest, half of it, a quarter."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much to measure.

    Attributes
    ----------
    scale : float
        Share of the full number of flows, above 0.
    runs : int
        How often each program runs on each capture.
    """

    scale: float
    runs: int


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _two(values: Spread, digits: int = 2) -> str:
    """Median and best in one cell."""
    return f"{values.median:.{digits}f} / {values.best:.{digits}f}"


def speed(settings: Settings) -> Section:
    """CPU seconds against the lower bound, the cost of starting, and the time of the help page."""
    files = {kind: captures.generated(kind, settings.scale)[0] for kind in captures.KINDS}
    floor, one = captures.floor(), captures.one_packet()
    base: dict[str, list[float]] = {kind: [] for kind in files}
    ours: dict[str, list[float]] = {kind: [] for kind in files}
    fixed: list[float] = []
    shown: list[float] = []
    subject.scan(one)  # compiles what Python compiles once
    for turn in range(settings.runs):
        _say(f"speed: round {turn + 1} of {settings.runs}")
        fixed.append(subject.scan(one).cost.cpu_s)
        shown.append(run([*subject.command(), "--help"]).wall_s)
        for kind, file in files.items():
            captures.warm(file)
            base[kind].append(run([floor, "flow64ks", file, "read"]).cpu_s)
            ours[kind].append(subject.scan(file).cost.cpu_s)
    if min(map(min, base.values())) <= 0:
        raise BenchError("the lower bound took no measurable time; use a larger --scale")
    rows, checks = [], []
    for kind in files:
        net = ratio(ours[kind], base[kind], fixed)
        rows.append([kind, _two(spread(base[kind])), _two(spread(ours[kind])), _two(net)])
        checks.append(at_most(f"{kind}: CPU time against the floor (median)", net.median, FLOOR_RATIO, "x"))
    start, page = spread(fixed), spread(shown)
    rows.append(["one packet", "", _two(start), ""])
    checks.append(at_most("one-packet capture: CPU time (median)", start.median, ONE_PACKET_CPU_S, "s"))
    checks.append(at_most("wiretropy --help: wall time (median)", page.median, HELP_WALL_S, "s"))
    text = [
        "CPU seconds (user and system) of whole processes, one thread, page cache warm: "
        "`floor flow64ks FILE read` and `wiretropy scan FILE --out DIR`, in turn. The ratio is that of paired runs "
        "after the one-packet capture of the same round is taken off wiretropy's time. "
        f"Every cell: median / best of {settings.runs}.",
        f"`wiretropy --help`: {_two(page, 3)} s of wall time.",
    ]
    table = Table(("capture", "floor, CPU s", "wiretropy, CPU s", "ratio, start-up off"), rows)
    return Section("speed", "Speed against the lower bound", text, [table], checks)


def threads(settings: Settings) -> Section:
    """Wall time with one and two threads, and whether they write the same bytes."""
    one = captures.one_packet()
    subject.scan(one)
    rows, checks = [], []
    for kind in captures.KINDS:
        file, _ = captures.generated(kind, settings.scale)
        captures.warm(file)
        single: list[float] = []
        double: list[float] = []
        fixed: list[float] = []
        digests = set()
        for turn in range(settings.runs):
            _say(f"threads: {kind}, round {turn + 1} of {settings.runs}")
            fixed.append(subject.scan(one).cost.wall_s)
            for count, times in ((1, single), (2, double)):
                done = subject.scan(file, threads=count)
                times.append(done.cost.wall_s)
                digests.add(done.digest())
        gain = ratio(single, double)
        # Start-up is the same for both, so that taking it off tells how well the work itself is shared.
        start = spread(fixed).median
        net = spread([(a - start) / (b - start) for a, b in zip(single, double, strict=True)]).median
        is_same = len(digests) == 1
        rows.append(
            [
                kind,
                _two(spread(single)),
                _two(spread(double)),
                f"{gain.median:.2f}",
                f"{net:.2f}",
                "yes" if is_same else "no",
            ]
        )
        checks.append(
            at_least(f"{kind}: wall time with 2 threads, whole process (median)", gain.median, THREADS_GAIN, "x faster")
        )
        checks.append(at_least(f"{kind}: the same, start-up off", net, THREADS_GAIN, "x faster"))
        checks.append(
            Check(
                f"{kind}: flows.parquet of 1 and 2 threads",
                "identical" if is_same else "different",
                "identical",
                is_same,
            )
        )
    text = [
        "Wall seconds of `wiretropy scan FILE --out DIR --threads N`, in turn. "
        f"Seconds: median / best of {settings.runs}; gains: median of paired runs. "
        "The files of every run, with one and two threads, are compared byte for byte."
    ]
    header = ("capture", "1 thread, s", "2 threads, s", "times faster", "times faster, start-up off", "same bytes")
    return Section("threads", "Two threads", text, [Table(header, rows)], checks)


def memory(settings: Settings) -> Section:
    """Largest resident set on each capture and with many open flows."""
    files = {kind: captures.generated(kind, settings.scale)[0] for kind in captures.KINDS}
    flows = max(1, round(OPEN_FLOWS * settings.scale))
    open_file = captures.open_flows("random", flows, OPEN_PAYLOAD)
    rows, checks = [], []
    for name, file in {"one packet": captures.one_packet(), **files}.items():
        _say(f"memory: {name}")
        peaks = [subject.scan(file, threads=count).cost.peak_bytes / 1e6 for count in (1, 2)]
        rows.append([name, *(f"{peak:.0f}" for peak in peaks)])
        if name in files:
            checks.append(at_most(f"{name}: peak memory", peaks[0], PEAK_MB, "MB", digits=0))
    _say("memory: open flows")
    peaks = []
    for count in (1, 2):
        done = subject.scan(open_file, threads=count)
        _expect_open(done, flows)
        peaks.append(done.cost.peak_bytes / 1e6)
    rows.append([f"{flows:,} open flows of {OPEN_PAYLOAD:,} bytes", *(f"{peak:,.0f}" for peak in peaks)])
    checks.append(at_most(f"{flows:,} flows open at once, 1 KB each: peak memory", peaks[0] / 1e3, OPEN_FLOWS_GB, "GB"))
    text = [
        "Largest resident set of `wiretropy scan FILE --out DIR` in MB (10^6 bytes), interpreter and libraries "
        "included (see one packet). In the last capture every flow sends a SYN, then every flow a segment; none ends."
    ]
    table = Table(("capture", "1 thread, MB", "2 threads, MB"), rows)
    return Section("memory", "Memory", text, [table], checks)


def linear(settings: Settings) -> Section:
    """Time for twice the flows, with harmless and hostile tuples."""
    most = max(4, round(LINEAR_FLOWS * settings.scale))
    sizes = [most >> k for k in reversed(range(LINEAR_STEPS))]
    one = captures.one_packet()
    rows, checks = [], []
    for addresses in flowgen.ADDRESSES:
        files = {flows: captures.open_flows(addresses, flows, LINEAR_PAYLOAD) for flows in sizes}
        times: dict[int, list[float]] = {flows: [] for flows in sizes}
        for turn in range(settings.runs):
            _say(f"linear: {addresses}, round {turn + 1} of {settings.runs}")
            fixed = subject.scan(one).cost.cpu_s
            for flows, file in files.items():
                captures.warm(file)
                done = subject.scan(file)
                _expect_open(done, flows)
                times[flows].append(max(done.cost.cpu_s - fixed, LEAST_S))
        row = [addresses]
        for flows, twice in zip(sizes, [*sizes[1:], None], strict=True):
            row.append(_two(spread(times[flows])))
            if twice:
                growth = ratio(times[twice], times[flows])
                row.append(f"{growth.median:.2f}")
                what = f"{addresses} tuples: {twice:,} flows against {flows:,}"
                checks.append(at_most(what, growth.median, DOUBLING, "x"))
        rows.append(row)
    header = ["tuples"]
    for flows in sizes:
        header += [f"{flows:,} flows, CPU s", "growth"]
    text = [
        "CPU seconds of `wiretropy scan FILE --out DIR` less those of a one-packet capture of the same round; "
        f"all flows open at once, {LINEAR_PAYLOAD} bytes of payload each. Sequential: only the source address counts "
        "up. Colliding: all tuples have the same sum and the same xor of their words, be those of 8, 16 or 32 bits. "
        f"Seconds: median / best of {settings.runs}; growth: median of paired runs."
    ]
    return Section("linear", "Linearity", text, [Table(header[:-1], rows)], checks)


def correctness(settings: Settings) -> Section:
    """Every record against the truth."""
    rows, checks = [], []
    for kind in captures.KINDS:
        _say(f"truth: {kind}")
        file, known = captures.generated(kind, settings.scale)
        done = subject.scan(file)
        result = truth.compare(truth.truth_flows(known), truth.recorded_flows(done.flows))
        counts = (
            result.flows,
            result.missing,
            result.invented,
            result.directions,
            result.wrong_bytes,
            result.wrong_entropies,
        )
        rows.append([kind, *(f"{count:,}" for count in counts), f"{result.largest_difference:.1e}"])
        is_complete = not result.missing and not result.invented
        flows = f"{result.missing:,} missing, {result.invented:,} invented of {result.flows:,}"
        checks.append(Check(f"{kind}: flows", flows, "every flow found, none invented", is_complete))
        entropies = f"{result.wrong_entropies:,} of {result.directions:,} differ"
        is_equal = not result.wrong_entropies and result.directions > 0
        checks.append(Check(f"{kind}: entropies", entropies, "equal in all printed digits", is_equal))
    text = [
        "Records of `wiretropy scan` joined with the generator's truth on protocol, addresses, ports and VLAN. "
        "An entropy is equal if it lies within half a unit of the sixth decimal of what the truth file prints, so that "
        "the largest difference of a perfect result is 5.0e-07. Payload bytes of each direction are compared too."
    ]
    header = (
        "capture",
        "flows",
        "missing",
        "invented",
        "directions",
        "wrong byte counts",
        "wrong entropies",
        "largest difference",
    )
    return Section("truth", "Correctness", text, [Table(header, rows)], checks)


def others(settings: Settings) -> Section:
    """The same captures, or shares of them, through other programs."""
    rows, commands, absent = [], [], []
    for peer in peers.PEERS:
        program = peer.find()
        if program is None:
            absent.append(peer.name)
            continue
        words = peers.accepted(peer, program)
        cells = []
        for kind in captures.KINDS:
            _say(f"peers: {peer.name}, {kind}")
            outcome = peers.measure(peer, program, words, kind, scale=settings.scale, runs=settings.runs)
            cells.append(_peer_cell(outcome))
        rows.append([f"{peer.name} {peers.version(peer, program)}", *cells, peer.does])
        commands.append([peer.name, f"`{peers.shown_command(words, program)}`"])
    text = [
        "CPU seconds of whole processes and, in brackets, how many times the lower bound's on the same file; median of "
        f"{min(settings.runs, peers.PEER_RUNS)}. A share such as 1/10 says that the program read a capture with that "
        f"share of the flows, so that each run ends within {peers.LIMIT_S:.0f} s. No other program does wiretropy's "
        "job; the last column says what each does instead."
    ]
    if absent:
        text.append(f"Not installed, so not measured: {', '.join(absent)}.")
    if not rows:
        return Section("peers", "Other programs", text)
    tables = [Table(("program", *captures.KINDS, "what it does"), rows), Table(("program", "command"), commands)]
    return Section("peers", "Other programs", text, tables)


def _peer_cell(outcome: peers.Outcome) -> str:
    share = "" if outcome.share == 1 else f"1/{1 / outcome.share:g}: "
    if outcome.cpu_s is None or outcome.times_floor is None:
        return share + outcome.trouble
    return f"{share}{outcome.cpu_s.median:.2f} ({outcome.times_floor.median:.1f} x)"


def _expect_open(done: subject.Scan, flows: int) -> None:
    """Refuse figures of a scan in which the flows were not all open to the end."""
    reasons = done.summary()["flows"]["by_end_reason"]
    if reasons["end-of-capture"] != flows or sum(reasons.values()) != flows:
        raise BenchError(f"{flows:,} flows should have stayed open; the scan says {reasons}")


SECTIONS: dict[str, Callable[[Settings], Section]] = {
    "speed": speed,
    "threads": threads,
    "memory": memory,
    "linear": linear,
    "truth": correctness,
    "peers": others,
}
"""By the name that `--only` takes, in the order of the report."""
