"""`wiretropy judge FILE|-`: say what raw bytes are, and show them against the random band.

In: one file or standard input. Out: a verdict and a table, or one JSON object with `--json`.
Refused with exit code 2 and one line: what cannot be read, and empty input.
"""

import dataclasses
import json
import math
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click

from wiretropy.capture.inputs import source_name
from wiretropy.cli.outcome import Refused
from wiretropy.inert import inert
from wiretropy.verdict import RawMeasurement, Verdict, judge_payloads, measure_stream
from wiretropy.verdict.payloads import LONGEST

PROGRESS_FROM_BYTES = 256 << 20
"""Files from this size on take seconds, long enough to ask for a progress bar."""


@click.command("judge")
@click.argument("source", metavar="FILE|-", type=click.Path(path_type=str))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def command(source: str, as_json: bool) -> None:
    """Judge the bytes of FILE, or of standard input for '-'.

    Says whether they are encrypted, compressed, encoded, text or binary, how sure
    that is and why, from the first 65,536 bytes. Beside it prints the byte entropy
    with the mean and standard deviation that random bytes of that length have, and
    the statistics that `ent` gives, of all bytes. Memory stays constant, whatever
    the size.
    """
    name = source_name(source)
    try:
        with _opened(source) as stream:
            remembered = _Remembered(stream)
            measured = _measure(stream, remembered)
    except ValueError:
        raise Refused(f"{name}: the input is empty; at least 1 byte is needed") from None
    except OSError as error:
        raise Refused(f"{name}: {error.strerror or 'cannot be read'}") from None
    [verdict] = judge_payloads([bytes(remembered.first)])
    if as_json:
        record = {"source": inert(source), **dataclasses.asdict(verdict), **dataclasses.asdict(measured)}
        click.echo(json.dumps(record, allow_nan=False))
    else:
        click.echo("\n".join(_table(name, verdict, measured)))


class _Remembered:
    """A stream that keeps the first bytes that were read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.first = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        chunk = self._stream.read(size)
        self.first += chunk[: max(0, LONGEST - len(self.first))]
        return chunk


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
    else:
        with open(source, "rb") as stream:
            yield stream


def _measure(stream: BinaryIO, remembered: _Remembered) -> RawMeasurement:
    """Measure a stream, with a progress bar for large files when stderr is a terminal."""
    size = _known_size(stream)
    if size < PROGRESS_FROM_BYTES or not sys.stderr.isatty():
        return measure_stream(remembered)
    with click.progressbar(length=size, label="measuring", file=sys.stderr) as bar:
        return measure_stream(remembered, progress=bar.update)


def _known_size(stream: BinaryIO) -> int:
    """Size in bytes of a regular file; 0 for pipes, devices and what is not a file at all."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _table(name: str, verdict: Verdict, measured: RawMeasurement) -> Iterator[str]:
    """The verdict, then what was measured, one line each, with what random bytes would show."""
    # Enough decimals to see the spread, which shrinks as 16 bits divided by the length.
    digits = max(6, len(str(measured.bytes)))
    rows = [
        ("bytes", f"{measured.bytes:,}", ""),
        ("entropy", f"{measured.entropy:.{digits}f} bits per byte", _band(measured, digits)),
        ("optimum compression", f"{measured.optimum_compression_percent:.2f} %", "0 %"),
        ("chi-square", f"{measured.chi_square:.2f}", f"255 +- {math.sqrt(510 * (1 - 1 / measured.bytes)):.1f}"),
        ("  p value", f"{measured.chi_square_p_value:.4g}", "0 to 1, evenly"),
        ("mean", f"{measured.mean:.4f}", "127.5"),
        ("Monte Carlo pi", _number(measured.monte_carlo_pi, "needs 6 bytes"), "3.141593"),
        ("serial correlation", _number(measured.serial_correlation, "all bytes are equal"), "0"),
        ("printable share", f"{measured.printable_share:.4f}", "0.3828"),
        ("distinct bytes", f"{measured.distinct_bytes}", f"{256 * (1 - (255 / 256) ** measured.bytes):.1f}"),
        ("set bits per byte", f"{measured.set_bits_per_byte:.4f}", "4"),
    ]
    sure = "" if verdict.verdict_probability is None else f" ({100 * verdict.verdict_probability:.1f} %)"
    yield f"{name}: {verdict.verdict}{sure}"
    yield f"  {verdict.reason}"
    yield ""
    yield f"  {'':<20} {'measured':<27} random bytes of this length"
    for label, value, expected in rows:
        yield f"  {label:<20} {value:<27} {expected}".rstrip()


def _band(measured: RawMeasurement, digits: int) -> str:
    band = f"{measured.random_mean:.{digits}f} +- {measured.random_sd:.{digits}f}"
    return band if measured.z is None else f"{band} (z = {measured.z:+z.2f})"


def _number(value: float | None, absent: str) -> str:
    return f"- ({absent})" if value is None else f"{value:z.6f}"  # z: what rounds to zero has no sign
