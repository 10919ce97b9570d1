"""Take the picture of a report for the documentation, from a capture in `examples/`.

    python docs/figures/make_report_figure.py

In: `examples/demo.pcap`. Out: `report.png` in this folder, as Chromium shows the top of the page. Where there is no
Chromium, the picture stays as it is, and that is said.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

FIGURES = Path(__file__).parent
EXAMPLES = FIGURES.parents[1] / "examples"

COLORS = 64
"""Colours of the picture's palette: enough for smooth letters, a third of the size."""

SIZE = "1160,1330"
"""Pixels: the findings and the first two pictures."""


def browser() -> str | None:
    """The Chromium on the search path, if any."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def main() -> None:
    """Write the page and photograph it."""
    program = browser()
    if program is None:
        print("report.png stays as it is: there is no Chromium on the search path (apt-get install chromium)")
        return
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "demo-report.html"), Path(folder, "shot.png")
        report = ["report", "examples/demo.pcap", "--expected-ports", "22,443", "-o", str(page)]
        command = "from wiretropy.cli import main; main()"
        subprocess.run([sys.executable, "-c", command, *report], check=True, cwd=EXAMPLES.parent, capture_output=True)
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE}", f"--screenshot={shot}"]
        subprocess.run([program, *options, page.as_uri()], check=True, capture_output=True)
        picture = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(FIGURES / "report.png", optimize=True)


if __name__ == "__main__":
    main()
