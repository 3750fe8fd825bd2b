"""wrk as the load: keep-alive connections that post as fast as they are answered."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.load import read_cpu
from bench.peers import PeerMissing

# What every call presents; of the proxies only ours asks for it.
KEY = "gw_bench_0123456789abcdef0123456789abcdef"
_SCRIPT = """
wrk.method = "POST"
wrk.body = io.open("%(body)s", "rb"):read("*a")
wrk.headers["content-type"] = "application/json"
wrk.headers["x-api-key"] = "%(key)s"
%(headers)s
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%%d,"microseconds":%%d,"status":%%d,"broken":%%d,"p50":%%d,"p99":%%d}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Stretch:
    """What a stretch of load found. CPU in µs per call."""

    cpu: float
    rate: float
    calls: int
    failed: int


def make_body(size: int, assistant: str = "graph_7") -> bytes:
    """A run's body as the Python SDK writes it: the input comes before the assistant."""
    frame = json.dumps({"input": {"text": ""}, "assistant_id": assistant})
    text = "The quick brown fox jumps over the lazy dog. " * (size // 45 + 1)
    body = {"input": {"text": text[: size - len(frame)]}, "assistant_id": assistant}
    return json.dumps(body).encode()


def write_script(folder: Path, body: bytes, headers: dict[str, str]) -> Path:
    """The script of a load, with its body beside it."""
    name = f"{len(body)}-{'-'.join(headers) or 'plain'}"
    (folder / f"{name}.json").write_bytes(body)
    lines = "\n".join(f'wrk.headers["{key}"] = "{value}"' for key, value in headers.items())
    script = folder / f"{name}.lua"
    script.write_text(_SCRIPT % {"body": folder / f"{name}.json", "headers": lines, "key": KEY})
    return script


def drive(port: int, pid: int, script: Path, connections: int, seconds: float) -> Stretch:
    """Load on a port for so long; the CPU is that of the process and its children.

    Raises:
        RuntimeError: wrk did not run.
        PeerMissing: there is no wrk.
    """
    program = shutil.which("wrk")
    if program is None:
        raise PeerMissing("no wrk: apt-get install wrk")
    command = [program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += ["--timeout", "30s", "-s", str(script), f"http://127.0.0.1:{port}/runs/wait"]
    before = read_cpu(pid)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    used = read_cpu(pid) - before
    if ended.returncode:
        raise RuntimeError(ended.stderr + ended.stdout)
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    calls = found["requests"]
    failed = found["status"] + found["broken"]
    return Stretch(used * 1e6 / max(1, calls), calls * 1e6 / found["microseconds"], calls, failed)
