"""RTMP: audio and video published by ffmpeg to nginx, and played from it by rtmpdump and ffmpeg.

Compressed media in a plain container, and a handshake of 1,536 random bytes from each side: high entropy
without encryption. Small synthetic pictures and tones keep the sessions short.
"""

from __future__ import annotations

from lab.manifest import Truth
from lab.servers import nginx
from lab.stage import Stage
from lab.versions import program

LABEL = "rtmp"
PORT = 1935
CLIENT = "10.0.0.10"
SERVER = "203.0.113.35"

MODULE = "load_module modules/ngx_rtmp_module.so;"
RTMP = """
rtmp {{
    access_log off;
    server {{
        listen {port};
        chunk_size 4096;
        application live {{ live on; }}
        application films {{ play {folder}/films; }}
    }}
}}
"""

# rtmpdump's status when a film ends a moment before the length it announces; ffmpeg's films do.
ENDED_EARLY = 2

# What ffmpeg draws and plays: source filters for the picture and the tone, and how they are coded.
PICTURE = "testsrc2=size=176x144:rate=8"
TONE = "sine=frequency=440:beep_factor=3:sample_rate=22050"
CODING = (
    "-c:v libx264 -preset fast -tune zerolatency -b:v {rate}k -maxrate {rate}k -bufsize {rate}k -g 16 -pix_fmt yuv420p"
    " -c:a aac -b:a 24k"
)
# Films: seconds, and kbit/s of the picture.
SHORT = (1.6, 40)
LONG = (2.5, 160)  # more than the 65,536 bytes measured by default


def record(stage: Stage) -> None:
    """A short publication and a short film in one capture, a long film in another."""
    films = stage.folder / "films"
    films.mkdir()
    stage.run(film(SHORT, target=f"{films}/short.flv"))
    stage.run(film(LONG, target=f"{films}/long.flv"))
    nginx.start(stage, RTMP.format(port=PORT, folder=stage.folder), port=PORT, modules=MODULE)
    url = f"rtmp://{stage.server}"
    server = f"{nginx.version()}, {program('libnginx-mod-rtmp')}"
    truth = Truth(LABEL, client=program("ffmpeg"), server=server, content="compressed")
    coded = "video=h264 audio=aac chunk=4096"
    with stage.capture("rtmp.pcap"):
        with stage.session(truth.but(settings=f"role=publish {coded}", note="live, in real time")):
            stage.run(film(SHORT, target=f"{url}/live/desk", paced=True))
        with stage.session(truth.but(settings=f"role=play {coded}", note="a film")):
            copy = str(stage.folder / "copy.flv")
            stage.run(["ffmpeg", "-v", "error", "-i", f"{url}/films/short.flv", "-c", "copy", copy])
    with stage.capture("rtmp-long.pcap"):
        played = truth.but(client=program("rtmpdump"), settings=f"role=play {coded}", note="a film of more than 64 KB")
        with stage.session(played):
            dump = str(stage.folder / "dump.flv")
            stage.run(["rtmpdump", "-q", "-r", f"{url}/films/long.flv", "-o", dump], exits=(0, ENDED_EARLY))


def film(length: tuple[float, int], *, target: str, paced: bool = False) -> list[str]:
    """The ffmpeg command that makes a film of one of the lengths above and sends it to a file or an RTMP address.

    It takes as long as the film does if `paced`, and as little as it can otherwise.
    """
    seconds, rate = length
    pace = ["-re"] if paced else []
    sources = [*pace, "-f", "lavfi", "-i", PICTURE, *pace, "-f", "lavfi", "-i", TONE]
    return [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        *sources,
        "-t",
        str(seconds),
        *CODING.format(rate=rate).split(),
        "-f",
        "flv",
        target,
    ]
