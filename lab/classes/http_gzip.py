"""HTTP with gzip: a page that nginx compresses on the fly, behind plain headers."""

from __future__ import annotations

from lab.manifest import Truth
from lab.servers import nginx
from lab.stage import Stage
from lab.versions import program
from lab.words import text

LABEL = "http/gzip"
PORT = 80
CLIENT = "10.0.0.6"

PAGE = 90_000  # comes to about a third of that when compressed


def record(stage: Stage) -> None:
    """One page by curl, compressed at level 6."""
    stage.write(
        "site/almanac.html", "<!doctype html>\n<title>Almanac</title>\n<pre>\n" + text(PAGE, "almanac") + "\n</pre>\n"
    )
    nginx.start_http(stage, f"gzip on; gzip_comp_level 6; gzip_types text/html; server {{ listen {PORT}; }}", port=PORT)
    truth = Truth(LABEL, client=program("curl"), server=nginx.version(), content="compressed", settings="gzip=6")
    session = truth.but(note="GET /almanac.html; chunked; headers and chunk sizes are text")
    with stage.capture("http-gzip.pcap"), stage.session(session):
        stage.run(["curl", "-sS", "--compressed", "-o", "/dev/null", f"http://{stage.server}/almanac.html"])
