"""The network: a table of hashed features, five dilated convolutions, one score a kind."""

import torch
from torch import nn

from euthymia.gateway.deid.tagger_text import BUCKETS

EMBED, HIDDEN = 64, 96
DILATIONS = (1, 2, 4, 8, 1)


class Block(nn.Module):
    """One residual convolution over three words."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(HIDDEN, HIDDEN, 3, dilation=dilation, padding=dilation)
        self.norm = nn.LayerNorm(HIDDEN)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        """Return (batch, words, hidden); places where `keep` is 0 stay 0."""
        y = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.norm(x + y) * keep


class Network(nn.Module):
    """Scores of each kind for each word."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(BUCKETS, EMBED, mode="sum", padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[0].zero_()
        self.enter = nn.Linear(EMBED, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.blocks = nn.ModuleList(Block(dilation) for dilation in DILATIONS)
        self.leave = nn.Linear(HIDDEN, kinds + 1)
        self.drop = nn.Dropout(0.15)

    def forward(self, ids: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        """Return (batch, words, kinds + 1) scores of ids (batch, words, features)."""
        batch, words, width = ids.shape
        x = self.table(ids.reshape(batch * words, width)).reshape(batch, words, EMBED)
        x = self.norm(torch.relu(self.enter(self.drop(x)))) * keep
        for block in self.blocks:
            x = block(x, keep)
        return self.leave(self.drop(x))
