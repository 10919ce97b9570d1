"""HTTP: text pages fetched by curl and wget from nginx, as they are."""

from __future__ import annotations

from lab.manifest import Truth
from lab.servers import nginx
from lab.stage import Stage
from lab.versions import program
from lab.words import text

LABEL = "http/plain"
PORT = 80


def record(stage: Stage) -> None:
    """A page of 18,000 characters by curl, one of 4,000 by wget."""
    stage.write(
        "site/index.html", "<!doctype html>\n<title>Notes</title>\n<pre>\n" + text(18_000, "notes") + "\n</pre>\n"
    )
    stage.write("site/list.txt", text(4_000, "list"))
    nginx.start_http(stage, f"server {{ listen {PORT}; }}", port=PORT)
    truth = Truth(LABEL, client="", server=nginx.version(), content="text")
    with stage.capture("http-plain.pcap"):
        with stage.session(truth.but(client=program("curl"), note="GET /index.html")):
            stage.run(["curl", "-sS", "-o", "/dev/null", f"http://{stage.server}/index.html"])
        with stage.session(truth.but(client=program("wget"), note="GET /list.txt")):
            stage.run(["wget", "-q", "-O", "/dev/null", f"http://{stage.server}/list.txt"])
