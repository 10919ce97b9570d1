"""What each renderer writes, asked of its own objects and of the real gnuplot."""

import base64
import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from plot_records import flow, random_bytes, table
from plotly.offline import get_plotlyjs

from wiretropy.entropy import random_mean, random_sd
from wiretropy.plot import Figure, plot
from wiretropy.plot import html as html_page
from wiretropy.plot.gnuplot import data, quoted
from wiretropy.plot.output import save, terminal_text
from wiretropy.plot.png_svg import draw

CHROMIUM = shutil.which("chromium")

HOSTILE = "</script><b>x</b> $a_1$ \x1b[31m\u202e '\"&"


@pytest.fixture
def hostile() -> Figure:
    """Two curves whose names and title are attacks."""
    flows = table(
        [
            flow("Ca", resp=random_bytes(900)),
            flow("Cb", resp=b"text " * 200, resp_gap_offsets=[300], resp_gap_bytes=[9]),
        ]
    )
    return plot(flows, side="resp", names={"Ca": HOSTILE, "Cb": "_hidden"}, title=HOSTILE)


def test_matplotlib_axes_show_range_units_threshold_and_every_curve(three_flows: pa.Table) -> None:
    axes = draw(plot(three_flows, side="all", zoom=(0, 2_000), entropy_range=(3, 8))).axes[0]
    assert axes.get_xlim() == (0, 2_000)
    assert axes.get_ylim() == (3, 8)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("payload bytes", "entropy, bits per byte")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "500", "1,000", "1,500", "2,000"]
    assert len([line for line in axes.lines if ":" in str(line.get_label())]) == 9
    assert any(np.allclose(line.get_ydata(), 7.9) for line in axes.lines)
    assert [text.get_text() for text in axes.texts] == ["threshold 7.9"]


def test_matplotlib_draws_the_points_of_the_curve(three_flows: pa.Table) -> None:
    figure = plot(three_flows, flow="Crandom", side="resp")
    line = draw(figure).axes[0].lines[0]
    assert np.array_equal(line.get_xdata(), figure.curves[0].offsets)
    assert np.array_equal(line.get_ydata(), figure.curves[0].entropy)


def test_matplotlib_blocks_share_the_x_axis(three_flows: pa.Table) -> None:
    canvas = draw(plot(three_flows, blocks=True, zoom=(0, 1_000)))
    assert [ax.get_xlim() for ax in canvas.axes] == [(0, 1_000)] * 2
    assert canvas.axes[0].get_xlabel() == ""


def test_legend_stands_outside_the_panel_and_inside_the_picture() -> None:
    flows = table([flow(f"C{i}", resp=random_bytes(900, i), resp_port=i + 1) for i in range(30)])
    canvas = draw(plot(flows, top=30))
    panel = canvas.axes[0].get_window_extent()
    names = [text for text in canvas.texts if "←" in text.get_text()]
    boxes = [text.get_window_extent() for text in names]
    assert len(boxes) == 30
    assert all(box.x0 > panel.x1 and box.x1 < canvas.bbox.x1 for box in boxes)
    heights = sorted(box.y0 for box in boxes)
    assert min(np.diff(heights)) > 0.9 * max(box.height for box in boxes)


def test_gap_is_marked_on_the_curve(hostile: Figure) -> None:
    canvas = draw(hostile)
    marks = [line for line in canvas.axes[0].lines if line.get_marker() == "|"]
    assert [np.asarray(line.get_xdata()).tolist() for line in marks] == [[300]]
    assert "gap: bytes never seen" in [text.get_text() for text in canvas.texts]


def test_svg_is_the_same_every_time_and_holds_no_date(hostile: Figure, tmp_path: Path) -> None:
    first = save(hostile, tmp_path / "a.svg").read_bytes()
    assert first == save(hostile, tmp_path / "b.svg").read_bytes()
    assert b"dc:date" not in first


def test_svg_escapes_markup_and_reads_no_mathematics(hostile: Figure, tmp_path: Path) -> None:
    text = re.sub("<!--.*?-->", "", save(hostile, tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert "&lt;/script&gt;&lt;b&gt;x&lt;/b&gt; $a_1$ \\x1b[31m\\u202e" in text
    assert "</script>" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_png_is_a_png(hostile: Figure, tmp_path: Path) -> None:
    assert save(hostile, tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_html_loads_nothing_and_escapes_names(hostile: Figure) -> None:
    page = html_page.page(hostile)
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*\b(?:src|href)\s*=", page)
    assert "default-src 'none'" in page
    assert '"showSendToCloud":false' in page
    assert page == html_page.page(hostile)
    assert "http" not in page.replace(packed_library(page), "").replace("http-equiv", "")
    assert page.count("<script") == page.count("</script>") == 3
    assert "<b>x</b>" not in page
    assert "\x1b[31m" not in page
    assert "<title>&lt;/script&gt;&lt;b&gt;x&lt;/b&gt; $a_1$ \\x1b[31m\\u202e &#x27;&quot;&amp;</title>" in page


def packed_library(page: str) -> str:
    """What the page unpacks."""
    return page.split('<script id="library" type="text/plain">')[1].split("</script>", maxsplit=1)[0]


def test_html_holds_the_whole_plotting_library_in_less_than_half_of_its_size(hostile: Figure) -> None:
    page, library = html_page.page(hostile), get_plotlyjs()
    assert gzip.decompress(base64.b64decode(packed_library(page))).decode() == library
    assert len(page) < len(library) / 2
    figure = json.loads(page.split('<script id="figure" type="application/json">')[1].split("</script>")[0])
    assert set(figure) == {"data", "layout", "config"}
    assert len(figure["data"]) == len(html_page.draw(hostile).data)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_draws_the_page_without_a_network(hostile: Figure, tmp_path: Path) -> None:
    """What is left of the document after its scripts ran holds the curves, their names, and no word of a fault."""
    save(hostile, tmp_path / "a.html")
    assert CHROMIUM is not None
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000", "--dump-dom"]  # fmt: skip
    page = (tmp_path / "a.html").as_uri()
    done = subprocess.run([CHROMIUM, *flags, page], capture_output=True, text=True, timeout=120, check=True)
    body = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    assert "cannot be drawn" not in body
    assert 'id="fault"' not in body
    assert body.count('class="trace scatter') == len(html_page.draw(hostile).data)
    assert "threshold 7.9" in body
    assert "payload bytes" in body


def test_plotly_names_are_escaped_because_plotly_reads_markup(hostile: Figure) -> None:
    drawn = html_page.draw(hostile).data
    hovers = [text for trace in drawn for text in ([trace.text] if isinstance(trace.text, str) else trace.text or ())]
    assert len(hovers) == 2 + 2 + 1  # curves, their ends, a gap
    assert not any("<b>x" in text or "</script" in text for text in hovers)
    names = [trace.name for trace in drawn if trace.showlegend]
    assert "&lt;/script&gt;&lt;b&gt;x&lt;/b&gt; $a_1$ \\x1b[31m\\u202e &#x27;&quot;&amp;" in names


def test_pointer_shows_offset_entropy_random_band_and_packet() -> None:
    trace = pa.table({"uid": ["Ca"], "number": [1_234], "orig_offset": [0], "resp_offset": [64]})
    figure = plot(table([flow("Ca", resp=random_bytes(64))]), side="resp", trace=trace)
    line = next(t for t in html_page.draw(figure).data if t.showlegend and t.customdata is not None)
    assert "%{x:,} payload bytes" in line.hovertemplate
    assert "%{y:.4f} bits per byte" in line.hovertemplate
    assert list(line.customdata[1]) == [f"{random_mean(64):.4f} ± {4 * random_sd(64):.4f}", "<br>packet 1,234"]


def test_terminal_shows_every_letter_its_name_and_the_scale(hostile: Figure) -> None:
    text = terminal_text(hostile, columns=80, rows=24)
    lines = text.split("\n")
    assert max(len(line) for line in lines) <= 84
    assert "  8.0┤" in text
    assert "payload bytes" in text
    assert "threshold 7.9" in text
    assert [line[:4] for line in lines[-2:]] == ["  a ", "  b "]
    assert "\x1b" not in text
    panel = "\n".join(line for line in lines if line[5:6] in "┤│")
    assert "a" in panel
    assert "b" in panel


def test_gnuplot_data_has_offset_entropy_block_and_packet(three_flows: pa.Table) -> None:
    c = plot(three_flows, flow="Cshort", side="resp").curves[0]
    lines = data(c).splitlines()
    assert lines[:3] == [
        "# [fe80::1]:40000 ← 198.51.100.7:53",
        "# flow Cshort, resp",
        "# offset_bytes entropy_bits_per_byte block_entropy packet",
    ]
    assert lines[3].split()[0] == "32"
    assert lines[-1].split()[0::2] == ["54", "NaN"]


def test_gnuplot_strings_hold_exactly_their_text() -> None:
    assert quoted("it's `x` $y \\n") == "'it''s `x` $y \\n'"


@pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")
def test_real_gnuplot_runs_the_script_from_any_folder(hostile: Figure, tmp_path: Path) -> None:
    script = save(hostile, tmp_path / "it's here")
    assert script.name == "trajectories.gp"
    done = subprocess.run(["gnuplot", str(script)], capture_output=True, text=True, check=True, cwd="/")
    assert done.stderr == ""
    picture = (script.parent / "trajectories.svg").read_text(encoding="utf-8")
    assert picture.rstrip().endswith("</svg>")
    assert "&lt;/script>&lt;b>x&lt;/b> $a_1$ \\x1b[31m\\u202e" in picture
    assert "threshold 7.9" in picture


@pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")
def test_real_gnuplot_draws_on_the_terminal(hostile: Figure, tmp_path: Path) -> None:
    script = save(hostile, tmp_path / "plot")
    command = ["gnuplot", "-e", 'term="dumb size 100,30"', str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "payload bytes" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("name", "said"), [("a.jpg", "'.jpg'"), ("a.pdf", "'.pdf'")])
def test_unknown_format_is_refused_with_those_there_are(hostile: Figure, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"{said}; use .png, .svg, .html"):
        save(hostile, tmp_path / name)


def test_describing_a_picture_loads_no_plotting_library() -> None:
    program = "import sys, wiretropy.plot; print([m for m in ('matplotlib', 'plotly', 'plotille') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_matplotlib_renderer_leaves_pyplot_alone() -> None:
    program = "import sys, wiretropy.plot.png_svg; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
