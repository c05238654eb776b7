"""Every benchmark of the README's table, one after the other on an otherwise idle machine; results as JSON in a folder.

``python -m benchmarks.all --out results`` (three hours on two cores); ``--only NAME ...`` for some.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS: dict[str, list[str]] = {
    "nfcorpus": [],
    "langchain_recipe": [],
    "chinese_answers": [],
    "support_answers": [],
    "refusal": [],
    "faq": [],
    "claim_check": [],
    "chat_load": [],
    "sessions": [],
    "http_api": [],
    "scale": [],
    "product_scale": ["--rows", "400000"],
    "bilingual": [],
    "classification": ["sst2", "chnsenticorp", "banking77", "few_shot", "int8"],
    "small_networks": [],
    "compression": [],
    "privacy": [],
    "shakespeare": [],
    "generation": [],
    "sentiment": [],
    "content": [],
    "descriptions": [],
    "recommend": [],
    "recommend_beauty": [],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmark-results"))
    parser.add_argument("--only", nargs="+", choices=sorted(RUNS), default=list(RUNS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.only:
        print(f"\n=== {name}", flush=True)
        start = time.monotonic()
        target = (options.out / f"{name}.json").resolve()
        command = [sys.executable, "-m", f"benchmarks.{name}", *RUNS[name], "--json", str(target)]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
        print(f"--- {name}: {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
