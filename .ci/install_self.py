"""Put src/ on the environment's path and write the `euthymia` command: no build, no download.

`pip install -e .` would fetch the build backend from outside the hashed lock.
"""

import pathlib
import sys
import sysconfig

root = pathlib.Path(__file__).resolve().parent.parent
site = pathlib.Path(sysconfig.get_paths()["purelib"])
(site / "euthymia-src.pth").write_text(f"{root / 'src'}\n", encoding="utf-8")
command = pathlib.Path(sysconfig.get_paths()["scripts"]) / "euthymia"
command.write_text(
    f"#!{sys.executable}\nimport sys\n\nfrom euthymia.app.cli import main\n\n"
    'if __name__ == "__main__":\n    sys.exit(main())\n',
    encoding="utf-8",
)
command.chmod(0o755)
