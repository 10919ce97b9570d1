"""nginx, in the foreground, with a configuration of the lab's own."""

from __future__ import annotations

from lab.stage import Stage
from lab.versions import program

FRAME = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{modules}
events {{}}
{blocks}
"""

HTTP = """
http {{
    access_log off;
    default_type text/plain;
    types {{ text/html html; text/plain txt; application/json json; application/octet-stream bin; }}
    client_body_temp_path {folder}/tmp-body;
    proxy_temp_path {folder}/tmp-proxy;
    fastcgi_temp_path {folder}/tmp-fastcgi;
    uwsgi_temp_path {folder}/tmp-uwsgi;
    scgi_temp_path {folder}/tmp-scgi;
    root {folder}/site;
    {lines}
}}
"""


def version() -> str:
    """nginx and its version, for the manifest."""
    return program("nginx", "nginx-common")


def start_http(stage: Stage, lines: str, *, port: int) -> None:
    """Serve the scratch folder's `site/` with the given lines inside the `http` block; wait for `port`."""
    start(stage, HTTP.format(folder=stage.folder, lines=lines), port=port)


def start(stage: Stage, blocks: str, *, port: int, modules: str = "") -> None:
    """Start nginx with the given top-level blocks and wait until it listens on `port`."""
    configuration = stage.write("nginx.conf", FRAME.format(folder=stage.folder, modules=modules, blocks=blocks))
    stage.start(["nginx", "-e", "stderr", "-c", str(configuration)], port=port)
