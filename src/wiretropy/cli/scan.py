"""`wiretropy scan CAPTURE...`: which flows there are, and how random their payload is.

In: captures. Out: a table on the terminal, JSON lines (`--json`), or Parquet
(`--out DIR`); totals that add up. Refused with exit code 2: captures of which
nothing can be read, wrong usage. Exit code 3: a part was read.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wiretropy import limits
from wiretropy.cli.alerts import AlertSender, opened, undelivered
from wiretropy.cli.options import changes, exit_code_option, expectation_options, reading_options, reading_words
from wiretropy.cli.outcome import INTERRUPTED, PARTIAL, exit_code, refusing, report_faults
from wiretropy.cli.policy_used import look_for_threshold, policy_of
from wiretropy.cli.progress import progress_bar
from wiretropy.wording import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from wiretropy.capture.run import CaptureRun
    from wiretropy.capture.summary import ScanSummary
    from wiretropy.policy.apply import Findings
    from wiretropy.policy.model import Policy

    Taker = Callable[[Findings], None]


@click.command("scan")
@click.argument("paths", metavar="CAPTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a flow and line instead of the table.")
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Write flows.parquet and summary.json here."
)
@click.option(
    "--summary",
    "summary_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the totals as JSON here; '-' is standard output.",
)
@expectation_options(no_ports=frozenset(), ports_default="none", policy_default="the threshold alone")
@click.option(
    "--rows",
    metavar="N",
    type=click.IntRange(min=1),
    default=limits.FIRST_ROWS,
    show_default=True,
    help="Show at most this many flows in the table.",
)
@click.option(
    "--alerts-to",
    "alerts_to",
    metavar="SPEC",
    multiple=True,
    help="Send each alert here, such as eve:alerts.json, syslog:udp://HOST:514 or webhook:https://...; may be given "
    "more than once. A place '-' is standard output and replaces the table. Alerts that do not arrive are told on "
    "standard error, and end with exit code 3.",
)
@click.option("--counts", is_flag=True, help="Add the 256 byte counts of each side to --json and --out.")
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(1, limits.MAX_THREADS),
    default=1,
    show_default=True,
    help="Work with N threads.",
)
@click.option("--follow", is_flag=True, help="Wait for more at the end of a capture that is still being written.")
@exit_code_option
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no totals.")
@reading_options
def command(
    paths: tuple[Path, ...],
    as_json: bool,
    out: Path | None,
    summary_path: Path | None,
    expected_ports: frozenset[int],
    policy_path: Path | None,
    rows: int,
    wants_findings: bool,
    quiet: bool,
    alerts_to: tuple[str, ...],
    **options: Any,
) -> None:
    """List the flows of captures with the entropy of each side.

    Reads pcap and pcapng (plain, gz, zst, lz4), folders of them, and '-' for
    standard input; several are read as one stream in time order. The table puts
    alerts first: flows whose cumulative entropy crossed the threshold on a port
    where that was not expected, or that break the policy. Beside each entropy stands where random bytes of
    that length would lie. --json replaces the table; --out adds files. Both name the
    alert of each side, which wiretropy carve --alert takes.

    A folder stands for the captures in it, not for those of folders below it.
    """
    with refusing():
        read = paths if policy_path is None else (*paths, policy_path)
        has_alerts_on_stdout = _check_alert_files(read, alerts_to, as_json=as_json)
        _check_outputs(read, out, summary_path, as_json=as_json)
        policy, words = policy_of(policy_path, expected_ports, options["threshold"]), reading_words()
        if policy_path is not None and "--threshold" not in words:
            words = look_for_threshold(policy, options, words)
        table = None
        if not as_json and not has_alerts_on_stdout and not (quiet and out):
            from wiretropy.cli.scan_table import ScanTable

            table = ScanTable(options["threshold"], rows, has_policy=policy_path is not None)
        with opened(alerts_to) as sinks:
            takers: list[Taker] = [] if table is None else [table.add]
            if sinks:
                takers.append(AlertSender(sinks, list(map(str, paths)), words).send)
            alerts, run = _scan(paths, options, as_json, out, policy, quiet, takers)
        summary = run.summary
        summary.raise_if_refused()
        if table is not None:
            table.show(summary, [str(path) for path in paths], words, is_quiet=quiet)
        if summary_path is not None:
            _write_summary(summary_path, summary)
        report_faults(summary)
    code = exit_code(summary, has_findings=wants_findings and alerts > 0)
    if undelivered(sinks):
        code = PARTIAL
    sys.exit(INTERRUPTED if run.is_stopped else code)


def _check_alert_files(paths: tuple[Path, ...], specs: tuple[str, ...], *, as_json: bool) -> bool:
    """Refuse to write alerts onto what is read, or among the flows; whether they go to standard output."""
    if not specs:
        return False
    from wiretropy.capture.inputs import expand
    from wiretropy.capture.outputs import refuse_overwriting
    from wiretropy.sinks import file_of

    files = [path for spec in specs if (path := file_of(spec)) is not None]
    stdout = files.count(Path("-"))
    if stdout + as_json > 1:
        raise ValueError("standard output takes one of --json and --alerts-to ...:-; write the other to a file")
    refuse_overwriting(expand(paths), files)
    return stdout > 0


def _check_outputs(paths: tuple[Path, ...], out: Path | None, summary_path: Path | None, *, as_json: bool) -> None:
    """Refuse to write onto what is read, or the totals onto the flows."""
    from wiretropy.capture.inputs import expand
    from wiretropy.capture.outputs import refuse_overwriting

    outputs = [] if summary_path is None else [summary_path]
    if as_json:
        outputs.append(Path("-"))
    if out is not None:
        from wiretropy.store.parquet import files_of

        flows, *_ = stored = files_of(out)
        if summary_path is not None and summary_path.resolve() == flows.resolve():
            raise ValueError(f"{summary_path}: is where --out writes the flows; choose another file for the totals")
        outputs += stored
    if outputs:
        refuse_overwriting(expand(paths), outputs)


def _scan(
    paths: tuple[Path, ...],
    options: dict[str, Any],
    as_json: bool,
    out: Path | None,
    policy: Policy,
    quiet: bool,
    takers: Sequence[Taker],
) -> tuple[int, CaptureRun]:
    """Read everything once and hand what was found to whoever wants it; the number of alerts, and the pass."""
    from wiretropy.capture.run import CaptureRun
    from wiretropy.capture.settings import ScanSettings
    from wiretropy.policy.apply import PolicyRun
    from wiretropy.verdict import judge

    settings = ScanSettings(**changes(options))
    rules = PolicyRun(policy, settings.threshold)
    alerts = 0
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(progress_bar(is_off=quiet or as_json))
        run = CaptureRun(paths, settings, on_progress=progress)
        stack.enter_context(_stopping_on_interrupt(run))
        record_takers: list[Callable[[pa.RecordBatch], None]] = [_print_json] if as_json else []
        writer = None
        if out is not None:
            from wiretropy.store.parquet import FlowWriter
            from wiretropy.tables import arrow_schema, flow_metadata

            columns = arrow_schema(has_counts=settings.counts, has_verdicts=True, has_alerts=True)
            columns = columns.with_metadata(flow_metadata(settings) | _policy_metadata(policy))
            writer = stack.enter_context(FlowWriter(out, columns))
            record_takers.append(writer.write)
        for batch in run:
            findings = rules.findings(judge(batch))
            alerts += len(findings)
            for take_findings in takers:
                take_findings(findings)
            if record_takers:
                named = findings.with_ids()
                for take in record_takers:
                    take(named)
        if writer is not None and not run.summary.is_refused:
            writer.finish(run.summary)
    _report_suppressed(rules.suppressed)
    return alerts, run


def _policy_metadata(policy: Policy) -> dict[bytes, bytes]:
    """What stored flows say of the policy that their alerts come from."""
    from wiretropy.policy.show import POLICY_KEY, policy_toml

    return {POLICY_KEY: policy_toml(policy).encode()}


def _report_suppressed(suppressed: dict[str, int]) -> None:
    """Say on stderr what the policy's limits held back."""
    if suppressed:
        total = counted(sum(suppressed.values()), "more alert")
        rules = ", ".join(f"{rule} {count:,}" for rule, count in suppressed.items())
        click.echo(f"{total} held back by the policy's suppression and rate_limit: {rules}", err=True)


def _print_json(batch: pa.RecordBatch) -> None:
    """One JSON object a line; everything but ASCII is escaped, which makes names inert."""
    lines = [json.dumps(row, allow_nan=False, separators=(",", ":"), default=bytes.hex) for row in batch.to_pylist()]
    click.echo("\n".join(lines))


def _write_summary(path: Path, summary: ScanSummary) -> None:
    text = json.dumps(json.loads(summary.text), indent=2)
    if path == Path("-"):
        click.echo(text)
    else:
        path.write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def _stopping_on_interrupt(run: CaptureRun) -> Iterator[None]:
    """Let the first interrupt end reading with what there is; the second ends the program."""
    previous: Any = None

    def stop(_signal: int, _frame: object) -> None:
        run.stop()
        signal.signal(signal.SIGINT, previous)

    try:
        previous = signal.signal(signal.SIGINT, stop)
    except ValueError:
        # Not the main thread: whoever embeds the command handles interrupts.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
