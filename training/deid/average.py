"""Average the weights of two stages: `python -m deid.average A.onnx B.onnx --out C.onnx`.

What a last stage learns from few texts it pays for on others; half-way between the weights before and
after it most of the gain is kept and most of the loss is not paid.
"""

import argparse
import time
from pathlib import Path

import torch

from deid import data, export
from deid.network import Network
from deid.train import finish, measure


def average(options: argparse.Namespace) -> None:
    """Write the mean of the two, its temperature fitted as after any epoch."""
    began = time.process_time()
    torch.set_num_threads(1)
    words = data.common_words(options.dictionary)
    encode = data.Encoder(data.common_filter(words))
    kept = data.windows([encode(*text) for text in data.Corpus(words).development(1500)])
    network, other = Network(len(data.KINDS)), Network(len(data.KINDS))
    export.read(options.start, network)
    export.read(options.other, other)
    there = other.state_dict()
    mean = {name: (here + there[name]) / 2 for name, here in network.state_dict().items()}
    network.load_state_dict(mean)
    scores, labels = measure(network, kept)
    finish(network, scores, labels, encode.common, options, 0, began)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--dictionary", type=Path, default=Path("/usr/share/dict/american-english-large")
    )
    parser.set_defaults(seed=0, notes=0, rate=0.0)
    average(parser.parse_args())
