"""MLServer: a custom runtime, with its default of one worker process, or in its own process."""

import json
import os
import sys
from pathlib import Path

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from onnx_model import Model


class Relapse(MLModel):
    async def load(self) -> bool:
        self.model = Model()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        probability = self.model.predict(list(payload.inputs[0].data))
        output = ResponseOutput(name="probability", shape=[1], datatype="FP64", data=[probability])
        return InferenceResponse(model_name=self.name, outputs=[output])


def main() -> None:
    """Write the two settings files of its documentation and run `mlserver start` on them."""
    port = int(os.environ["EUTHYMIA_BENCH_PORT"])
    folder = Path(os.environ["EUTHYMIA_BENCH_FOLDER"]) / "mlserver"
    folder.mkdir(exist_ok=True)
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": port + 1,
        "metrics_port": port + 2,
        "parallel_workers": int(os.environ["EUTHYMIA_BENCH_WORKERS"]),
        "debug": False,
        "environments_dir": str(folder / "environments"),
        "metrics_dir": str(folder),
    }
    model = {"name": "relapse", "implementation": "serve_with_mlserver.Relapse"}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    command = str(Path(sys.executable).with_name("mlserver"))
    os.execv(command, [command, "start", str(folder)])


if __name__ == "__main__":
    main()
