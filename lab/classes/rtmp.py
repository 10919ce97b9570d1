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
H264_AAC = (
    "-c:v libx264 -preset fast -tune zerolatency -b:v 40k -maxrate 48k -bufsize 24k -g 16 -pix_fmt yuv420p"
    " -c:a aac -b:a 24k"
).split()
FLV1_MP3 = "-c:v flv -b:v 56k -g 16 -c:a libmp3lame -b:a 24k".split()
SECONDS = {"h264": 1.6, "flv1": 2.6}


def record(stage: Stage) -> None:
    """A short publication and a short film in one capture; in another, a film that fills the measured 65,536 bytes."""
    (stage.folder / "films").mkdir()
    for name, coding in (("h264", H264_AAC), ("flv1", FLV1_MP3)):
        stage.run(film(seconds=SECONDS[name], coding=coding, target=str(stage.folder / f"films/{name}.flv")))
    nginx.start(stage, RTMP.format(port=PORT, folder=stage.folder), port=PORT, modules=MODULE)
    url = f"rtmp://{stage.server}"
    truth = Truth(
        LABEL,
        client=program("ffmpeg"),
        server=f"{nginx.version()}, {program('libnginx-mod-rtmp')}",
        content="compressed",
    )
    h264, flv1 = (f"video={video} audio={audio} chunk=4096" for video, audio in (("h264", "aac"), ("flv1", "mp3")))
    with stage.capture("rtmp.pcap"):
        with stage.session(truth.but(settings=f"role=publish {h264}", note="live, in real time")):
            stage.run(film(seconds=SECONDS["h264"], coding=H264_AAC, target=f"{url}/live/desk", paced=True))
        with stage.session(truth.but(settings=f"role=play {h264}", note="a film")):
            stage.run(
                ["ffmpeg", "-v", "error", "-i", f"{url}/films/h264.flv", "-c", "copy", str(stage.folder / "copy.flv")]
            )
    with stage.capture("rtmp-long.pcap"):
        with stage.session(
            truth.but(client=program("rtmpdump"), settings=f"role=play {flv1}", note="a film of more than 64 KB")
        ):
            stage.run(
                ["rtmpdump", "-q", "-r", f"{url}/films/flv1.flv", "-o", str(stage.folder / "dump.flv")],
                exits=(0, ENDED_EARLY),
            )


def film(*, seconds: float, coding: list[str], target: str, paced: bool = False) -> list[str]:
    """The ffmpeg command that makes a film and sends it to a file or an RTMP address, in real time if `paced`."""
    pace = ["-re"] if paced else []
    sources = [*pace, "-f", "lavfi", "-i", PICTURE, *pace, "-f", "lavfi", "-i", TONE]
    return ["ffmpeg", "-v", "error", "-nostdin", *sources, "-t", str(seconds), *coding, "-f", "flv", target]
