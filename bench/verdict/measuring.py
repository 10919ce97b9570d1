import struct
import subprocess
import numpy as np

_T = "/tmp/accstat/accstat"
_N = subprocess.run([_T, "names"], capture_output=True, text=True).stdout.split("\n")
NAMES = tuple(_N[0].split())
NARROW = int(_N[1])


def table(fragments):
    b = b"".join(struct.pack("<I", len(f)) + f for f in fragments)
    o = subprocess.run([_T], input=b, capture_output=True).stdout
    return np.frombuffer(o, np.float32).reshape(len(fragments), len(NAMES))
