"""The model that every peer serves: one ONNX session on one thread, a vector in, a number out."""

import os

import numpy as np
import onnxruntime as ort


class Model:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(
            os.environ["EUTHYMIA_BENCH_ONNX"], options, providers=["CPUExecutionProvider"]
        )
        self.input = self.session.get_inputs()[0]
        self.dtype = np.float64 if "double" in self.input.type else np.float32

    def predict(self, vector: list[float | None]) -> float:
        row = np.array([vector], dtype=self.dtype)
        outputs = self.session.run(None, {self.input.name: row})
        return float(np.asarray(outputs[-1]).ravel()[-1])
