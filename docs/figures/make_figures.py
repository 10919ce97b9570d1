"""Draw the figures of the documentation from the captures in `examples/`.

    python docs/figures/make_figures.py

In: the captures and their `manifest.csv`. Out: pictures in this folder, and `crossings.md`, the table of where each
session reaches 7.9 bits per byte. Every number of the page on the experiment is computed here.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from PIL import Image

import wiretropy
from wiretropy.entropy import first_crossing_mean, max_entropy, min_bytes_to_cross
from wiretropy.plot import Figure, plot
from wiretropy.schema import DEFAULT_THRESHOLD

FIGURES = Path(__file__).parent
EXAMPLES = FIGURES.parents[1] / "examples"
COLORS = 96
"""Colours of a picture's palette: enough for smooth letters, a third of the size."""

LONG_BYTES = 60_000
"""Payload bytes above which a session counts as long."""

SIDES = ("orig", "resp", "both")

Row = dict[str, str]


def manifest() -> dict[tuple[str, str], Row]:
    """What each session is, by file and originator."""
    with (EXAMPLES / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["file"], row["orig"]): row for row in csv.DictReader(lines)}


def read(*names: str) -> wiretropy.Flows:
    """The flows of example captures, in the order of their first packets."""
    return wiretropy.read_flows([EXAMPLES / name for name in names]).sort_by("ts_first_ns")


def truths(flows: wiretropy.Flows) -> list[Row]:
    """What the manifest says of each flow."""
    rows = manifest()
    keys = zip(flows["source"], flows["orig_ip"], flows["orig_port"], strict=True)
    return [rows[Path(source).name, f"{ip}:{port}"] for source, ip, port in keys]


def named(flows: wiretropy.Flows, label: Any) -> dict[str, str]:
    """A label for each flow, made of its row of the manifest."""
    return {uid: label(row) for uid, row in zip(flows["uid"], truths(flows), strict=True)}


def setting(row: Row, name: str) -> str:
    """One of the words `name=value` among a session's settings."""
    words = dict(word.split("=", 1) for word in row["settings"].split())
    return words.get(name, "")


def program(row: Row) -> str:
    """The client program without its version."""
    return row["client"].split()[0]


def kind(row: Row) -> str:
    """The protocol as people write it."""
    names = {
        "http/gzip": "HTTP, gzip",
        "http/plain": "HTTP",
        "rdp/standard": "RDP",
        "rtmp": "RTMP",
        "tls/https": "HTTPS",
    }
    return names.get(row["class"], row["class"].removeprefix("ssh/").upper())


def where(flows: wiretropy.Flows, **wanted: str) -> wiretropy.Flows:
    """The flows whose manifest row has all of these values; settings are asked for by their name."""
    return flows.filter(
        [all(value in (row.get(key), setting(row, key)) for key, value in wanted.items()) for row in truths(flows)]
    )


def demo() -> Figure:
    """Nine sessions as the responder's side shows them."""
    flows = read("demo.pcap")
    names = named(flows, lambda row: f"{kind(row)}, {program(row)}, port {row['resp'].rpartition(':')[2]}")
    return plot(flows, side="resp", log=True, names=names, title="What nine servers sent")


def https_and_ssh2(**options: Any) -> Figure:
    """HTTPS and SSH-2, both directions together, as the original checker measured."""
    flows = read("https.pcap", "ssh2-long.pcap")
    flows = flows.filter(flows["both_measured_bytes"] > LONG_BYTES)
    return plot(flows, side="both", names=named(flows, kind), **options)


def wobble() -> Figure:
    """The key exchange of one SSH-2 session, and the entropy of each block below."""
    flows = read("ssh2-long.pcap")
    return plot(flows, side="all", zoom=(0, 6_000), blocks=True, title="SSH-2: key exchange, then ciphertext")


def three_ssh() -> Figure:
    """Three SSH-2 sessions that did different things."""
    flows = read("ssh2-short.pcap", "ssh2-long.pcap")
    notes = ("typed at a prompt", "password accepted", "ls; cat of a 62,000-byte text; exit")
    flows = flows.filter([row["note"] in notes for row in truths(flows)])
    names = named(flows, lambda row: {notes[2]: "ls and cat of a long file"}.get(row["note"], row["note"]))
    return plot(flows, side="both", zoom=(0, 8_192), names=names, title="Three SSH-2 sessions")


def ssh1() -> Figure:
    """Eight SSH-1 sessions by client program."""
    flows = read("ssh1.pcap")
    names = named(flows, lambda row: f"{program(row)}, {setting(row, 'cipher')}: {row['note'].replace('`', '')}")
    return plot(flows, side="both", log=True, names=names, title="Eight SSH-1 sessions")


def rtmp() -> Figure:
    """Compressed media that a threshold takes for encrypted."""
    flows = read("rtmp.pcap", "rtmp-long.pcap")
    names = named(flows, lambda row: f"{program(row)}, {setting(row, 'role')}")
    return plot(flows, side="both", log=True, names=names, title="RTMP")


def rdp(side: str) -> Figure:
    """RDP by encryption level and client."""
    flows = read("rdp-rdesktop.pcap", "rdp-xfreerdp.pcap")
    names = named(flows, lambda row: f"level {setting(row, 'level')}, {program(row)}")
    whose = {"orig": "client", "resp": "server"}[side]
    return plot(flows, side=side, log=True, names=names, title=f"RDP: what the {whose} sent")  # type: ignore[arg-type]


def pictures() -> dict[str, Figure]:
    """Every picture by its name."""
    return {
        "demo": demo(),
        "https-ssh2": https_and_ssh2(zoom=(0, 65_536), title="HTTPS and SSH-2 over the first 64 KB"),
        "https-ssh2-zoom": https_and_ssh2(zoom=(0, 24_576), entropy_range=(7, 8.05), title="Where they cross 7.9"),
        "ssh2-wobble": wobble(),
        "ssh2-three": three_ssh(),
        "ssh1": ssh1(),
        "rtmp": rtmp(),
        "rdp-client": rdp("orig"),
        "rdp-server": rdp("resp"),
    }


def crossings() -> str:
    """The table of where each session first reaches the threshold, in Markdown."""
    names = sorted(path.name for path in EXAMPLES.glob("*.pcap") if path.name != "demo.pcap")
    mean, least = first_crossing_mean(DEFAULT_THRESHOLD), min_bytes_to_cross(DEFAULT_THRESHOLD)
    lines = [
        "<!-- written by docs/figures/make_figures.py -->",
        "",
        f"Random bytes reach {DEFAULT_THRESHOLD} at {mean:,} bytes on average; no bytes at all do before byte {least}.",
        "",
        "| capture | session | originator | responder | both |",
        "|---|---|---:|---:|---:|",
    ]
    for name in names:
        flows = read(name)
        for row, truth in zip(flows.to_arrow().to_pylist(), truths(flows), strict=True):
            cells = (name, session(truth), *(cell(row, side) for side in SIDES))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def quoted() -> dict[str, int]:
    """The numbers that the text of the page quotes: where some of the sessions cross."""
    pair = read("https.pcap", "ssh2-long.pcap")
    pair = pair.filter(pair["both_measured_bytes"] > LONG_BYTES)
    numbers = {
        f"{kind(truth)}, {side}": offsets[0]
        for side in ("resp", "both")
        for truth, offsets in zip(truths(pair), pair[f"{side}_crossing_offsets"], strict=True)
    }
    long_film = read("rtmp-long.pcap")
    desktop = where(read("rdp-rdesktop.pcap"), level="high")
    return {
        **numbers,
        "RTMP, both": long_film["both_crossing_offsets"][0][0],
        "RDP, resp": desktop["resp_crossing_offsets"][0][0],
        "random bytes": first_crossing_mean(DEFAULT_THRESHOLD),
    }


def session(truth: Row) -> str:
    """Program, settings and what was done, in a few words."""
    words = [kind(truth), program(truth), *(setting(truth, name) for name in ("tls", "cipher", "level", "role"))]
    return ", ".join(filter(None, words))


def cell(row: dict[str, Any], side: str) -> str:
    """Where one direction first reaches the threshold, or how far it came."""
    measured = row[f"{side}_measured_bytes"]
    if row[f"{side}_crossing_offsets"]:
        return f"**{row[f'{side}_crossing_offsets'][0]:,}**"
    if measured == 0:
        return "no payload"
    if max_entropy(measured) < DEFAULT_THRESHOLD:
        return f"too short ({measured:,})"
    return f"never ({row[f'{side}_entropy']:.2f} at {measured:,})"


def save(figure: Figure, path: Path) -> None:
    """Write a picture as a PNG with a palette."""
    whole = io.BytesIO(figure._repr_png_())
    Image.open(whole).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Draw everything again."""
    for name, figure in pictures().items():
        path = FIGURES / f"{name}.png"
        save(figure, path)
        print(path)
    path = FIGURES / "crossings.md"
    path.write_text(crossings(), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
