"""MLServer: a custom runtime in the server's own process (its workers would only add a hop)."""

import asyncio
import os

from mlserver import MLModel, MLServer, ModelSettings, Settings
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


async def main() -> None:
    port = int(os.environ["EUTHYMIA_BENCH_PORT"])
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_port=port + 2,
        parallel_workers=0,
        debug=False,
        environments_dir=os.environ["EUTHYMIA_BENCH_FOLDER"],
        metrics_dir=os.environ["EUTHYMIA_BENCH_FOLDER"],
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name="relapse", implementation=Relapse)])


if __name__ == "__main__":
    asyncio.run(main())
