"""`make spark`: the demo company on a small Spark of this machine, from start to stop.

Belongs here: putting the parts together once, in a folder of their own. Does not belong here: the cluster
(`cluster.py`), or a run (`run.py`), which are those of a company.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from orchestration.errors import ZevenError
from orchestration.settings import PROJECT_ROOT
from orchestration.spark.cluster import Cluster, running

FOLDER = PROJECT_ROOT / "spark_demo"


def settings_for(cluster: Cluster, text: str) -> str:
    """The project's settings with another target, and the address of this cluster."""
    changes = {'target = "duckdb"': 'target = "spark"', "port = 10000": f"port = {cluster.port}"}
    for before, after in changes.items():
        if text.count(before) != 1:
            raise ZevenError(f"zeven.toml: expected {before} once; the demonstration puts {after} there.")
        text = text.replace(before, after)
    return text


def run(folder: Path, workers: int = 2) -> int:
    """Make the company, run the pipeline on a cluster, stop the cluster; the exit code of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "zeven.toml"
    with running(folder / "cluster", workers=workers) as cluster:
        text = (PROJECT_ROOT / "zeven.toml").read_text(encoding="utf-8")
        file.write_text(settings_for(cluster, text), encoding="utf-8")
        for command in ("demo", "run"):
            zeven = [sys.executable, "-m", "orchestration.cli", "--settings", str(file), command]
            if code := subprocess.run(zeven, cwd=PROJECT_ROOT, check=False).returncode:
                return code
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(run(FOLDER))
    except ZevenError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
