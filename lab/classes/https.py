"""HTTPS: pages fetched by curl from nginx, over TLS 1.3 and TLS 1.2."""

from __future__ import annotations

from lab.manifest import Truth
from lab.servers import nginx
from lab.stage import Stage
from lab.versions import program
from lab.words import text

LABEL = "tls/https"
PORT = 443
NAME = "www.example.test"

# The first page fills the 65,536 bytes that are measured by default, headers and records included.
LONG_PAGE, SHORT_PAGE = 66_000, 5_000


def record(stage: Stage) -> None:
    """One long TLS 1.3 and one short TLS 1.2 transfer from server to client."""
    stage.write("site/report.txt", text(LONG_PAGE, "report"))
    stage.write("site/note.txt", text(SHORT_PAGE, "note"))
    key, certificate = self_signed(stage, NAME)
    nginx.start_http(
        stage,
        f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};"
        f"server {{ listen {PORT} ssl; }}",
        port=PORT,
    )
    truth = Truth(LABEL, client=program("curl"), server=nginx.version(), content="encrypted", onset="tls")
    with stage.capture("https.pcap"):
        for version, page in (("1.3", "report.txt"), ("1.2", "note.txt")):
            with stage.session(truth.but(settings=f"tls={version} key=ecdsa-p256 alpn=http/1.1", note=f"GET /{page}")):
                limits = f"--http1.1 --tlsv{version} --tls-max {version}".split()
                there = ["--connect-to", f"{NAME}:{PORT}:{stage.server}:{PORT}", f"https://{NAME}/{page}"]
                stage.run(["curl", "-sSk", *limits, "-o", "/dev/null", *there])


def self_signed(stage: Stage, name: str) -> tuple[str, str]:
    """Make a key and a certificate for `name`; return their paths."""
    key, certificate = str(stage.folder / "tls.key"), str(stage.folder / "tls.crt")
    kind = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30".split()
    stage.run(["openssl", "req", "-x509", *kind, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate])
    return key, certificate
