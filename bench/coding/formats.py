"""Every format and encoder: command lines, what they read, and which are held out of training.

A command reads the file `{input}` and writes `{output}`, or standard output if that is not named. Tools: gzip, pigz,
libdeflate, zopfli, bzip2, pbzip2, xz, plzip, zstd, lz4, brotli, zip, 7zz, dpkg-deb, cjpeg, cwebp, optipng, ffmpeg,
lame, vorbis-tools, opus-tools, flac, qpdf, Ghostscript; an encoder whose tool is missing is left out.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LIMIT_S = 200.0
"""Wall time after which an encoder is given up; the slowest takes a tenth."""

BASE = (
    "deflate1", "deflate6", "deflate9", "gzip", "bzip2", "zstd", "lz4", "brotli", "zip", "png", "jpeg", "mp3", "ogg",
    "flac", "mp4", "webm", "pdf",
)  # fmt: skip
"""The 17 formats of the accuracy; models learn these and no others."""

HARD = ("xz", "deb", "lzip", "7z", "brotli11", "zstd19")
"""Compressors at or near the random band; reported apart."""

EXTRA = ("webp", "opus", "m4a")
"""Media formats that models have not learnt; reported apart."""

Material = Literal["blob", "tree", "image", "audio", "clip", "pdf"]
"""What an encoder reads: a file of 1 MB, a folder of files, a PPM picture, a WAV, a film without loss, a PDF."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """One way to make a stream of a format.

    Attributes
    ----------
    format : str
        One of `BASE`, `HARD`, `EXTRA`.
    name : str
        Different within a format.
    material : Material
    command : tuple of str
        With `{input}`, and `{output}` unless it writes to standard output; `{choice}` is one of `choices`.
    choices : tuple of str
        Settings that items take in turn.
    limit : int
        Most bytes of a blob, for slow encoders.
    is_held_out : bool
        Whether training never sees it.
    """

    format: str
    name: str
    material: Material
    command: tuple[str, ...]
    choices: tuple[str, ...] = ("",)
    limit: int = 1_000_000
    is_held_out: bool = False

    def run(self, source: Path, target: Path, item: int) -> bool:
        """Encode a file; False if the tool is missing, fails or takes too long."""
        fill = {"input": str(source), "output": str(target), "choice": self.choices[item % len(self.choices)]}
        words = [word.format(**fill) for word in self.command]
        to_stdout = not any("{output}" in word for word in self.command)
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False
            )  # fmt: skip
        except (FileNotFoundError, subprocess.TimeoutExpired):
            target.unlink(missing_ok=True)
            return False
        if done.returncode:
            target.unlink(missing_ok=True)
            return False
        if to_stdout:
            target.write_bytes(done.stdout)
        return target.is_file()


def _of(material: Material, format_: str, name: str, command: str, **more: object) -> Encoder:
    return Encoder(format_, name, material, tuple(command.split()), **more)  # type: ignore[arg-type]


_DEFLATE = (
    "import sys, zlib; c = zlib.compressobj({level}, zlib.DEFLATED, -15); "
    "sys.stdout.buffer.write(c.compress(open(sys.argv[1], 'rb').read()) + c.flush())"
)
"""Deflate without header or trailer, which no tool writes."""

_FFMPEG = "ffmpeg -y -loglevel error -i {input}"

GENERIC: Sequence[Encoder] = (
    *(
        Encoder(
            f"deflate{level}", "zlib", "blob", ("python3", "-c", _DEFLATE.replace("{level}", str(level)), "{input}")
        )
        for level in (1, 6, 9)
    ),
    _of("blob", "gzip", "gzip1", "gzip -1c {input}"),
    _of("blob", "gzip", "gzip6", "gzip -6c {input}"),
    _of("blob", "gzip", "pigz9", "pigz -9c {input}"),
    _of("blob", "gzip", "libdeflate6", "libdeflate-gzip -6 -c {input}"),
    _of("blob", "gzip", "libdeflate12", "libdeflate-gzip -12 -c {input}", is_held_out=True),
    _of("blob", "gzip", "zopfli", "zopfli --i5 -c {input}", limit=200_000, is_held_out=True),
    _of("blob", "bzip2", "bzip2-1", "bzip2 -1c {input}"),
    _of("blob", "bzip2", "bzip2-9", "bzip2 -9c {input}"),
    _of("blob", "bzip2", "pbzip2", "pbzip2 -c -p1 {input}", is_held_out=True),
    _of("blob", "bzip2", "7zz", "7zz a -tbzip2 -mmt1 {output} {input}", is_held_out=True),
    *(_of("blob", "zstd", f"zstd{level}", f"zstd -{level} -c -q {{input}}") for level in (1, 3, 9)),
    _of("blob", "zstd19", "zstd19", "zstd -19 -c -q {input}", limit=600_000),
    *(_of("blob", "lz4", f"lz4-{level}", f"lz4 -{level} -c -q {{input}}") for level in (1, 9)),
    *(_of("blob", "brotli", f"brotli{level}", f"brotli -q {level} -c {{input}}") for level in (4, 6, 9)),
    _of("blob", "brotli11", "brotli11", "brotli -q 11 -c {input}", limit=400_000),
    _of("blob", "xz", "xz1", "xz -1c {input}"),
    _of("blob", "xz", "xz6", "xz -6c {input}", limit=600_000),
    _of("blob", "xz", "xz9e", "xz -9ec {input}", limit=600_000),
    _of("blob", "lzip", "plzip", "plzip -c -n1 {input}", limit=600_000),
    _of("tree", "zip", "zip6", "zip -6 -q -r -j {output} {input}"),
    _of("tree", "zip", "zip9", "zip -9 -q -r -j {output} {input}"),
    _of("tree", "zip", "7zz", "7zz a -tzip -mmt1 {output} {input}", is_held_out=True),
    _of("tree", "7z", "lzma2", "7zz a -t7z -mmt1 {output} {input}"),
    _of("tree", "7z", "ppmd", "7zz a -t7z -m0=ppmd -mmt1 {output} {input}"),
    _of("tree", "deb", "xz", "dpkg-deb -Zxz -b {input} {output}"),
)

_JPEG = _FFMPEG + " -f mjpeg"
_PICTURE_QUALITY = ("75", "85", "92")

PICTURES: Sequence[Encoder] = (
    _of("image", "jpeg", "cjpeg", "cjpeg -quality {choice} {input}", choices=_PICTURE_QUALITY),
    _of("image", "jpeg", "cjpegopt", "cjpeg -quality 80 -optimize {input}"),
    _of("image", "jpeg", "cjpegprog", "cjpeg -quality {choice} -progressive {input}", choices=_PICTURE_QUALITY,
        is_held_out=True),
    _of("image", "jpeg", "ffmpeg", f"{_JPEG} -q:v 4 {{output}}"),
    _of("image", "png", "ffmpeg", f"{_FFMPEG} -pred mixed -c:v png -f image2pipe {{output}}"),
    _of("image", "png", "ffmpegup", f"{_FFMPEG} -pred up -c:v png -f image2pipe {{output}}"),
    _of("image", "png", "optipng", "optipng -quiet -o1 -out {output} {input}", is_held_out=True),
    _of("image", "webp", "lossy", "cwebp -quiet -q {choice} {input} -o {output}", choices=_PICTURE_QUALITY),
    _of("image", "webp", "lossless", "cwebp -quiet -lossless -m 2 {input} -o {output}"),
)  # fmt: skip

SOUNDS: Sequence[Encoder] = (
    _of("audio", "mp3", "lamecbr", "lame --quiet -b {choice} {input} {output}", choices=("128", "192", "256")),
    _of("audio", "mp3", "lamevbr", "lame --quiet -V2 {input} {output}"),
    _of("audio", "mp3", "shine", f"{_FFMPEG} -c:a libshine -b:a 128k -f mp3 {{output}}", is_held_out=True),
    _of("audio", "ogg", "oggenc", "oggenc -Q -q {choice} -o {output} {input}", choices=("2", "4", "7")),
    _of("audio", "ogg", "ffmpeg", f"{_FFMPEG} -c:a libvorbis -q:a 5 -f ogg {{output}}"),
    _of("audio", "flac", "flac5", "flac -s -5 -f -o {output} {input}"),
    _of("audio", "flac", "ffmpeg", f"{_FFMPEG} -c:a flac -f flac {{output}}"),
    _of("audio", "opus", "opusenc", "opusenc --quiet --bitrate {choice} {input} {output}", choices=("64", "128")),
    _of("audio", "m4a", "aac", f"{_FFMPEG} -c:a aac -b:a 128k -f ipod {{output}}"),
)

_CLIP = _FFMPEG + " -t 8 -pix_fmt yuv420p -threads 1"
_VP = "-cpu-used 7 -deadline realtime -b:v 1M"

CLIPS: Sequence[Encoder] = (
    _of("clip", "mp4", "x264", f"{_CLIP} -c:v libx264 -preset veryfast -crf {{choice}} -c:a aac -f mp4 {{output}}",
        choices=("22", "26")),
    _of("clip", "mp4", "x264base", f"{_CLIP} -c:v libx264 -profile:v baseline -preset veryfast -crf {{choice}} "
        "-c:a aac -f mp4 {output}", choices=("22", "26"), is_held_out=True),
    _of("clip", "mp4", "x265", f"{_CLIP} -c:v libx265 -preset ultrafast -c:a aac -f mp4 {{output}}"),
    _of("clip", "webm", "vp8", f"{_CLIP} -c:v libvpx {_VP} -c:a libvorbis -f webm {{output}}"),
    _of("clip", "webm", "vp9", f"{_CLIP} -c:v libvpx-vp9 {_VP} -c:a libopus -f webm {{output}}"),
    _of("clip", "webm", "av1", f"{_CLIP} -c:v libsvtav1 -preset 12 -crf 40 -c:a libopus -f webm {{output}}",
        is_held_out=True),
)  # fmt: skip

DOCUMENTS: Sequence[Encoder] = (
    _of("pdf", "pdf", "qpdf", "qpdf --recompress-flate --compression-level=9 --object-streams=generate {input} "
        "{output}"),
    _of("pdf", "pdf", "gs", "gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -dLastPage=40 -sOutputFile={output} {input}",
        is_held_out=True),
)  # fmt: skip

ENCODERS = (*GENERIC, *PICTURES, *SOUNDS, *CLIPS, *DOCUMENTS)

HELD_OUT = frozenset((encoder.format, encoder.name) for encoder in ENCODERS if encoder.is_held_out)
"""Format and name of the encoders that training never sees."""

SHIPPED = {
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".ogg": "ogg", ".mp3": "mp3", ".flac": "flac", ".pdf": "pdf",
    ".webp": "webp", ".jar": "zip", ".webm": "webm", ".mp4": "mp4", ".gz": "gzip",
}  # fmt: skip
"""Formats of files that packages ship, made by their authors' encoders, by the end of the name."""
