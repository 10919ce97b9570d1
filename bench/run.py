"""Measure wiretropy and write bench/RESULTS.md; see bench/README.md.

python bench/run.py [--only PART[,PART...]] [--scale S] [--runs N] [--out FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def arguments(words: Sequence[str], parts: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Parameters
    ----------
    words : sequence of str
        Without the program's name.
    parts : sequence of str
        Names that `--only` takes.
    """

    def chosen(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in parts:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(parts)}")
        return names

    def share(text: str) -> float:
        value = float(text)
        if not 0 < value <= 1:
            raise argparse.ArgumentTypeError(f"must be above 0 and at most 1; got {text}")
        return value

    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 1; got {text}")
        return value

    parser = argparse.ArgumentParser(description="Measure wiretropy against its targets and other programs.")
    parser.add_argument(
        "--only", type=chosen, default=list(parts), metavar="PART[,PART...]",
        help=f"measure these parts and keep the others' last figures: {', '.join(parts)}",
    )  # fmt: skip
    parser.add_argument("--scale", type=share, default=1.0, help="share of the full number of flows (default 1)")
    parser.add_argument("--runs", type=count, default=5, help="runs of each program on each capture (default 5)")
    parser.add_argument(
        "--out", type=Path,
        help="write the report here (default bench/RESULTS.md; with another scale than 1 into the cache)",
    )  # fmt: skip
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Measure what is asked for, print the report and write it; 2 if something needed is not there."""
    from bench import captures, machine, report, sections
    from bench.measure import BenchError

    options = arguments(words, list(sections.SECTIONS))
    settings = sections.Settings(options.scale, options.runs)
    load = machine.load()
    try:
        kept = {name: captures.cache() / f"section-{name}-{options.scale:g}.json" for name in sections.SECTIONS}
        for name in options.only:
            section = sections.SECTIONS[name](settings)
            section.measured = (
                f"Measured {machine.today()}, revision {machine.revision()}, runs {options.runs}, "
                f"load average at start {load:.2f}"
                + (": busy, do not trust the times." if load > machine.BUSY_LOAD else ".")
            )
            section.load = load
            report.save(section, kept[name])
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    found = [part for path in kept.values() if (part := report.load(path))]
    text = report.document(found, heading(options.scale, {section.name: section.load for section in found}))
    default = _HERE / "RESULTS.md" if options.scale == 1 else captures.cache() / f"RESULTS-{options.scale:g}.md"
    (options.out or default).write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def heading(scale: float, loads: Mapping[str, float]) -> list[str]:
    """What stands before the figures: machine, tools, and warnings.

    Parameters
    ----------
    scale : float
        Share of the full number of flows.
    loads : mapping of str to float
        Load average at the start of the run that measured each part.
    """
    from bench import machine

    shown = ", ".join(f"{load:.2f} ({name})" for name, load in loads.items())
    facts = [
        "Written by `make bench`; `bench/README.md` says how to read it, `bench/TRIED.md` what was tried.",
        f"- machine: {machine.describe()}\n- tools: {machine.tools()}\n- packages: {machine.packages()}\n"
        f"- revision: {machine.revision()}\n- date: {machine.today()}\n- load average at start: {shown}",
    ]
    busy = [name for name, load in loads.items() if load > machine.BUSY_LOAD]
    if busy:
        facts.append(
            f"**Warning: other programs were running while {', '.join(busy)} began (load average above "
            f"{machine.BUSY_LOAD:g}); these times are not to be trusted.**"
        )
    if scale != 1:
        facts.append(f"**A trial run at {scale:g} of the full size: its figures say nothing about the targets.**")
    return facts


if __name__ == "__main__":
    sys.path[0] = str(_HERE.parent)
    sys.exit(main(sys.argv[1:]))
