"""Train the tagger and write its weights: `python -m deid.train --help` (see README.md)."""

import argparse
import hashlib
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch.nn import functional

from deid import data, export
from deid.network import Network


def corrupt(ids: np.ndarray, labels: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Return features with some words forgotten, names more often: sentences must do without."""
    ids = ids.copy()
    named = (labels > 0) | (labels == data.IGNORED)
    forget = chance.random(labels.shape) < np.where(named, 0.4, 0.1)
    ids[..., 0][forget] = 0
    blind = chance.random(labels.shape) < np.where(named, 0.12, 0.02)
    ids[..., :7][blind] = 0
    ids[..., 9:15][blind] = 0
    return ids


def measure(
    network: Network, parts: list, weight: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores and labels of all words that count."""
    network.eval()
    scores, labels = [], []
    with torch.no_grad():
        for ids, truth in data.batches(parts, Random(0), 20000):
            x = torch.from_numpy(ids)
            keep = (x[..., 7:8] > 0).float()
            out = network(x, keep) * weight
            known = torch.from_numpy(truth) != data.IGNORED
            scores.append(out[known])
            labels.append(torch.from_numpy(truth)[known])
    return torch.cat(scores), torch.cat(labels)


def summary(scores: torch.Tensor, labels: torch.Tensor, floor: float = 0.5) -> dict[str, float]:
    """Return recall and precision of words being identifiers at all, and calibration."""
    chance = 1 - torch.softmax(scores, 1)[:, 0]
    said, true = chance >= floor, labels > 0
    hit = (said & true).sum().item()
    return {
        "recall": hit / max(1, true.sum().item()),
        "precision": hit / max(1, said.sum().item()),
        "over": ((said & ~true).sum() / (~true).sum()).item(),
        "brier": ((chance - true.float()) ** 2).mean().item(),
    }


def temperature(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the divisor of the scores with the least loss on development words."""
    grid = np.arange(0.6, 3.01, 0.05)
    losses = [functional.cross_entropy(scores / t, labels).item() for t in grid]
    return float(grid[int(np.argmin(losses))])


def train(options: argparse.Namespace) -> None:
    """Run the whole of it."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    began = time.process_time()
    words = data.common_words(options.dictionary)
    encode = data.Encoder(data.common_filter(words))
    corpus = data.Corpus(words)
    kept = data.windows([encode(*text) for text in corpus.development(1500)])
    network = Network(len(data.KINDS))
    if options.start:
        export.read(options.start, network)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate)
    noise = np.random.default_rng(options.seed)
    step, total = 0, None
    for epoch in range(options.epochs):
        parts = data.windows(
            [encode(*text) for text in corpus.epoch(options.seed * 1000 + epoch, options.notes)]
        )
        groups = list(data.batches(parts, Random(f"{options.seed}/{epoch}")))
        total = total or len(groups) * options.epochs
        network.train()
        losses = []
        for ids, labels in groups:
            step += 1
            for part in optimizer.param_groups:
                part["lr"] = options.rate * min(1, step / 60) * max(0.02, 1 - step / (total * 1.02))
            x = torch.from_numpy(corrupt(ids, labels, noise))
            keep = (x[..., 7:8] > 0).float()
            loss = functional.cross_entropy(
                network(x, keep).flatten(0, 1),
                torch.from_numpy(labels).flatten(),
                ignore_index=data.IGNORED,
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scores, labels = measure(network, kept)
        print(
            epoch,
            step,
            round(float(np.mean(losses)), 4),
            summary(scores, labels),
            f"{time.process_time() - began:.0f} s",
            flush=True,
        )
        finish(network, scores, labels, encode.common, options, epoch + 1, began)
    print(options.out.with_suffix(".json").read_text(encoding="utf-8"))


def finish(
    network: Network, scores, labels, common: bytes, options, epochs: int, began: float
) -> None:
    """Write what there is after an epoch, with its temperature and figures."""
    heat = temperature(scores, labels)
    figures = summary(scores / heat, labels) | {"temperature": heat}
    facts = {
        "seed": options.seed,
        "start": hashlib.sha256(options.start.read_bytes()).hexdigest() if options.start else None,
        "epochs": epochs,
        "notes": options.notes,
        "rate": options.rate,
        "torch": torch.__version__,
        "cpu_seconds": round(time.process_time() - began),
        "development_words": {key: round(value, 5) for key, value in figures.items()},
    }
    export.write(network, heat, common, facts, options.out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dictionary", type=Path, default=Path("/usr/share/dict/american-english-large")
    )
    parser.add_argument("--out", type=Path, default=Path("tagger.onnx"))
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--notes", type=int, default=22000)
    parser.add_argument("--rate", type=float, default=3e-3)
    train(parser.parse_args())
