"""BentoML: one service, one worker."""

import os
import sys
from pathlib import Path

import bentoml

sys.path.insert(0, str(Path(__file__).parent))
from onnx_model import Model


@bentoml.service(
    name="relapse", workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}}
)
class Relapse:
    def __init__(self) -> None:
        self.model = Model()

    @bentoml.api
    def predict(self, feature_vector: list[float | None]) -> dict[str, float]:
        return {"probability": self.model.predict(feature_vector)}


if __name__ == "__main__":
    port = os.environ["EUTHYMIA_BENCH_PORT"]
    command = [sys.executable, "-m", "bentoml", "serve", f"{Path(__file__).stem}:Relapse"]
    command += ["--host", "127.0.0.1", "--port", port, "--working-dir", str(Path(__file__).parent)]
    os.execv(sys.executable, command)
