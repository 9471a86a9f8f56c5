"""LitServe: one LitAPI, one worker, its defaults."""

import os

import litserve
from onnx_model import Model


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        self.model = Model()

    def decode_request(self, request: dict) -> list:
        return request["feature_vector"]

    def predict(self, vector: list) -> float:
        return self.model.predict(vector)

    def encode_response(self, output: float) -> dict:
        return {"probability": output}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    port = int(os.environ["EUTHYMIA_BENCH_PORT"])
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
