"""What bytes are: encrypted, compressed, encoded, text or binary, how sure, and from where on.

`judge` gives verdicts on flows, `judge_payloads` on bytes in memory; `raw` measures bytes without a verdict.
"""

from wiretropy.verdict.flows import judge
from wiretropy.verdict.opaque import opaque_probability
from wiretropy.verdict.payloads import Verdict, judge_payloads
from wiretropy.verdict.raw import RawMeasurement, measure_bytes, measure_stream

__all__ = [
    "RawMeasurement", "Verdict", "judge", "judge_payloads", "measure_bytes", "measure_stream", "opaque_probability",
]  # fmt: skip
