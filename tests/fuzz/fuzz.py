"""Feed one parser what coverage leads to: `python tests/fuzz/fuzz.py TARGET SECONDS`.

What is worth trying again is kept in `.fuzz/corpus/TARGET/`; an input that breaks the parser in
`.fuzz/found/`. Once mended it belongs into `tests/fuzz/mended/`, which every check tries again.
"""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = ROOT / ".fuzz"
sys.path[:0] = [str(HERE.parent), str(HERE)]

with atheris.instrument_imports(include=["euthymia"]):
    from targets import targets, tried


def main() -> None:
    """Run one target for some seconds."""
    name, seconds = sys.argv[1], sys.argv[2]
    target = targets()[name]
    corpus, found = KEPT / "corpus" / name, KEPT / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=65536", "-timeout=20", "-rss_limit_mb=4096"]
    options += [f"-artifact_prefix={found}/{name}-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: tried(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
