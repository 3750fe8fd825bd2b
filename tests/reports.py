"""`make reports`: what the linters of manifests say of everything that the chart can render.

Runs those of kube-score and checkov that are installed; kubeconform is a test of its own. What is
waived, and why, stands in docs/reports.md; here are the names that the tools have for it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OPTIONS = (
    "--set=clusterWide=true,keda.enabled=true,admissionPolicy.enabled=true",
    "--set=externalMetrics.enabled=true,monitoring.services=true,monitoring.dashboard=true",
)
KUBE_SCORE_WAIVED = (
    "container-resources",
    "container-image-pull-policy",
    "container-ephemeral-storage-request-and-limit",
    "deployment-replicas",
    "deployment-strategy",
    "pod-networkpolicy",
)
CHECKOV_WAIVED = (
    "CKV_K8S_8",
    "CKV_K8S_9",
    "CKV_K8S_11",
    "CKV_K8S_15",
    "CKV_K8S_35",
    "CKV_K8S_38",
    "CKV_K8S_43",
    "CKV2_K8S_6",
)


def main() -> int:
    """Run what is there; 1 when one of them finds something that is not waived."""
    helm = shutil.which("helm")
    if helm is None:
        print("helm is not on the PATH", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        rendered = Path(folder) / "all.yaml"
        chart = [
            helm,
            "template",
            "graphwarden",
            str(ROOT / "charts/graphwarden"),
            "--namespace=sales",
            *OPTIONS,
        ]
        rendered.write_bytes(subprocess.run(chart, check=True, capture_output=True).stdout)
        commands = {
            "kube-score": [
                "score",
                *(f"--ignore-test={name}" for name in KUBE_SCORE_WAIVED),
                "--output-format=ci",
                str(rendered),
            ],
            "checkov": [
                *("--file", str(rendered), "--framework", "kubernetes", "--compact", "--quiet"),
                *("--skip-check", ",".join(CHECKOV_WAIVED)),
            ],
        }
        return max(run(name, arguments) for name, arguments in commands.items())


def run(name: str, arguments: list[str]) -> int:
    """One tool, with what it prints."""
    program = shutil.which(name)
    if program is None:
        print(f"{name}: not installed, left out")
        return 0
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    findings = [line for line in lines if not line.startswith(("[OK]", "[SKIPPED]"))]
    print(f"{name}: {'clean' if done.returncode == 0 else 'findings'}")
    print("\n".join(findings))
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
