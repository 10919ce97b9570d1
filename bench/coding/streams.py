"""Streams of every format, made with real encoders from the contents of each source.

    python -m bench.coding.streams

Contents of `fetch` enter; files `streams/SOURCE/FORMAT~ENCODER~ITEM` of the cache leave. All choices come from a random
number generator seeded with the source's name, so the same packages give the same streams. Streams that exist are kept.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.coding import fetch, formats
from bench.coding.formats import Encoder

BLOB = 1_000_000
"""Bytes of contents that one stream is made of."""

BLOBS = 1
"""Blobs of each source. More add little: what differs between sources counts."""

PICTURES = SOUNDS = 6
"""Most pictures and sounds of each source."""

PART = 500_000
"""Most bytes taken from one file."""

PACKED = 0.93
"""Files that deflate leaves above this share of their size are packed already and left out of blobs."""

PICTURE_ENDS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tga", ".gif")
SOUND_ENDS = (".ogg", ".mp3", ".wav", ".flac", ".opus", ".oga")
WIDTHS = ("700", "1100", "1600")
"""Widths in pixels that pictures are scaled down to, in turn."""

_FFMPEG = ("ffmpeg", "-y", "-loglevel", "error")


def make(source: str) -> int:
    """Make the streams of one source, films excepted; the number of them all that are there."""
    target = _target(source)
    draw = random.Random(source)
    files = sorted(path for path in (fetch.folder("contents") / source).rglob("*") if _is_plain(path))
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        for item, blob in enumerate(_blobs(files, draw, work)):
            _encode(formats.GENERIC, blob, target, item)
        for item, picture in enumerate(_pictures(files, draw, work)):
            _encode(formats.PICTURES, picture, target, item)
        for item, sound in enumerate(_sounds(files, draw, work)):
            _encode(formats.SOUNDS, sound, target, item)
        _keep_shipped(files, draw, target)
        for item, document in enumerate(sorted(target.glob("pdf~shipped~*"))[:4]):
            _encode(formats.DOCUMENTS, document, target, item)
    return len(list(target.iterdir()))


def film(source: str) -> None:
    """Make films of a camera that moves over a source's pictures, with sound of any source on its side of the split."""
    target = _target(source)
    side = fetch.TEST if source in fetch.TEST else fetch.TRAIN
    sounds = sorted(path for name in sorted(side) for path in _target(name).glob("flac~flac5~*"))
    pictures = sorted(target.glob("jpeg~cjpeg~*"))[:3]
    if len(pictures) < 3 or not sounds:
        return
    with tempfile.TemporaryDirectory() as scratch:
        clip = Path(scratch) / "clip.mkv"
        if _run(*_FFMPEG, *_camera(pictures, random.Random(source).choice(sounds)), str(clip)):
            _encode(formats.CLIPS, clip, target, 0)


def _camera(pictures: Sequence[Path], sound: Path) -> list[str]:
    """Arguments of ffmpeg: 2.5 s over each picture, moving two pixels a frame, without loss."""
    inputs: list[str] = []
    chains = []
    for place, picture in enumerate(pictures):
        inputs += ["-loop", "1", "-t", "2.5", "-r", "25", "-f", "jpeg_pipe", "-i", str(picture)]
        chains.append(f"[{place}:v]scale=960:600,crop=640:400:'{8 + place * 20}+n*2':'4+n',setsar=1[v{place}]")
    joined = "".join(f"[v{place}]" for place in range(len(pictures)))
    chains.append(f"{joined}concat=n={len(pictures)}:v=1:a=0,format=yuv420p[v]")
    maps = ["-filter_complex", ";".join(chains), "-map", "[v]", "-map", f"{len(pictures)}:a", "-shortest"]
    return [*inputs, "-i", str(sound), *maps, "-c:v", "ffv1", "-c:a", "flac"]


def _target(source: str) -> Path:
    return fetch.folder(f"streams/{source}")


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _run(*words: str) -> bool:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=formats.LIMIT_S, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _encode(encoders: Sequence[Encoder], material: Path, target: Path, item: int) -> None:
    """Run the encoders that apply; blobs stand beside a folder of their parts and a text as PDF."""
    for encoder in encoders:
        made = target / f"{encoder.format}~{encoder.name}~{item}"
        if made.exists():
            continue
        source = material
        if encoder.material == "tree":
            source = material.with_suffix(".tree")
        elif encoder.material == "blob" and encoder.limit < BLOB:
            source = material.with_suffix(f".{encoder.limit}")
            source.write_bytes(material.read_bytes()[: encoder.limit])
        # zip adds an ending to names without one, and the name must not exist.
        partial = material.with_suffix(".out")
        if encoder.run(source, partial, item):
            shutil.move(partial, made)
    document = target / f"pdf~reportlab~{item}"
    if encoders is formats.GENERIC and not document.exists():
        _typeset(material.read_bytes()[:400_000], document)


def _blobs(files: Sequence[Path], draw: random.Random, work: Path) -> Iterator[Path]:
    """A blob of a source, with a folder of the same bytes as files."""
    sizes = {path: path.stat().st_size for path in files if path.stat().st_size > 1000}
    for item in range(BLOBS):
        order = list(sizes)
        draw.shuffle(order)
        tree = work / f"blob{item}.tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(
            "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: a\n"
        )
        blob = bytearray()
        for number, path in enumerate(order):
            part = _part(path, sizes[path], draw)
            if len(zlib.compress(part[:100_000], 1)) > PACKED * min(len(part), 100_000):
                continue
            (tree / f"{number}_{path.name}").write_bytes(part)
            blob += part
            if len(blob) >= BLOB:
                break
        if len(blob) > 300_000:
            made = work / f"blob{item}.bin"
            made.write_bytes(blob)
            yield made


def _part(path: Path, size: int, draw: random.Random) -> bytes:
    with path.open("rb") as file:
        if size > PART:
            file.seek(draw.randrange(size - PART))
        return file.read(PART)


def _pictures(files: Sequence[Path], draw: random.Random, work: Path) -> Iterator[Path]:
    """Up to `PICTURES` pictures as PPM, so that no encoder sees another's traces at full size."""
    found = [path for path in files if path.suffix.lower() in PICTURE_ENDS and path.stat().st_size > 30_000]
    draw.shuffle(found)
    for item, path in enumerate(found[:PICTURES]):
        made = work / f"picture{item}.ppm"
        scale = f"scale='min({WIDTHS[item % 3]},iw)':-2"
        if _run(*_FFMPEG, "-i", str(path), "-frames:v", "1", "-vf", scale, "-pix_fmt", "rgb24", str(made)):
            yield made


def _sounds(files: Sequence[Path], draw: random.Random, work: Path) -> Iterator[Path]:
    """Up to `SOUNDS` sounds of at most 40 s as WAV."""
    found = [path for path in files if path.suffix.lower() in SOUND_ENDS and path.stat().st_size > 25_000]
    draw.shuffle(found)
    settings = ("-vn", "-t", "40", "-ac", "2", "-ar", "44100", "-sample_fmt", "s16")
    for item, path in enumerate(found[:SOUNDS]):
        made = work / f"sound{item}.wav"
        if _run(*_FFMPEG, "-i", str(path), *settings, str(made)):
            yield made


def _keep_shipped(files: Sequence[Path], draw: random.Random, target: Path) -> None:
    """Copy up to twelve files of a format as the package's authors made them."""
    for end, format_ in formats.SHIPPED.items():
        found = [path for path in files if path.suffix.lower() == end and path.stat().st_size > 20_000]
        draw.shuffle(found)
        for item, path in enumerate(found[:12]):
            (target / f"{format_}~shipped~{end[1:]}{item}").write_bytes(path.read_bytes()[:3_000_000])


def _typeset(text: bytes, target: Path) -> None:
    """Write a PDF of a text; nothing if it is none."""
    from reportlab.pdfgen.canvas import Canvas

    head = text[:20_000]
    if sum(octet in b"\t\r\n" or 32 <= octet < 127 for octet in head) < 0.9 * len(head):
        return
    canvas = Canvas(str(target), pageCompression=1)
    lines = text.decode("latin-1").split("\n")[:15_000]
    for start in range(0, len(lines), 84):
        canvas.setFont("Helvetica", 8)
        for row, line in enumerate(lines[start : start + 84]):
            canvas.drawString(30, 800 - 9 * row, line[:140])
        canvas.showPage()
    canvas.save()


def main() -> int:
    """Make all streams, two sources at a time; sources that were not fetched are passed over."""
    sources = sorted(path.name for path in fetch.folder("contents").iterdir() if path.name in fetch.TRAIN | fetch.TEST)
    # After a run that was broken off, what has nothing yet comes first.
    sources.sort(key=lambda source: any(_target(source).iterdir()))
    with ProcessPoolExecutor(2) as pool:
        for source, count in zip(sources, pool.map(make, sources), strict=True):
            print(f"{source}: {count} streams", flush=True)
        list(pool.map(film, sources))
    return 0


if __name__ == "__main__":
    sys.exit(main())
