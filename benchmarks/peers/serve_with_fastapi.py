"""FastAPI: one route, one pydantic model, uvicorn with uvloop and httptools."""

import os

import uvicorn
from fastapi import FastAPI
from onnx_model import Model
from pydantic import BaseModel

app = FastAPI()
model = Model()


class Vector(BaseModel):
    feature_vector: list[float | None]


class Answer(BaseModel):
    probability: float


@app.post("/predict")
async def predict(request: Vector) -> Answer:
    return Answer(probability=model.predict(request.feature_vector))


if __name__ == "__main__":
    port = int(os.environ["EUTHYMIA_BENCH_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")
