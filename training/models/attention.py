"""Transformer layers, computing what torch's do (post-norm, ReLU) in operations that every engine takes.

Torch's own leave shape arithmetic in an exported graph, which the engines' parsers may refuse.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

INNER = 2048
"""Width of the feed-forward part: torch's default."""
DROPOUT = 0.1
HEADS_MAX = 10


class Attention(nn.Module):
    """Lets each of a fixed number of tokens take from the tokens of a memory what resembles it."""

    def __init__(self, tokens: int, size: int) -> None:
        super().__init__()
        self.heads = heads_for(size)
        self.tokens, self.size = tokens, size
        self.query, self.key, self.value, self.output = (nn.Linear(size, size) for _ in range(4))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Return shape (n, tokens, size) from two of that shape."""
        query = self._by_head(self.query(tokens)) / math.sqrt(self.size // self.heads)
        weights = self.dropout((query @ self._by_head(self.key(memory)).transpose(2, 3)).softmax(-1))
        taken = (weights @ self._by_head(self.value(memory))).transpose(1, 2)
        output: Tensor = self.output(taken.reshape(-1, self.tokens, self.size))
        return output

    def _by_head(self, tokens: Tensor) -> Tensor:
        """Return shape (n, heads, tokens, size / heads)."""
        return tokens.reshape(-1, self.tokens, self.heads, self.size // self.heads).transpose(1, 2)


class TransformerLayer(nn.Module):
    """Attention to the tokens themselves, to a memory if there is one, and a feed-forward part."""

    def __init__(self, tokens: int, size: int, *, recalls: bool = False) -> None:
        super().__init__()
        self.among = Attention(tokens, size)
        self.norm_among = nn.LayerNorm(size)
        self.recalls = recalls
        if recalls:
            self.across = Attention(tokens, size)
            self.norm_across = nn.LayerNorm(size)
        self.inner = nn.Sequential(
            nn.Linear(size, INNER), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(INNER, size)
        )
        self.norm_inner = nn.LayerNorm(size)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, tokens: Tensor, memory: Tensor | None = None) -> Tensor:
        """Return shape (n, tokens, size); give a memory of that shape where the layer was made for one."""
        tokens = self.norm_among(tokens + self.dropout(self.among(tokens, tokens)))
        if self.recalls and memory is not None:
            tokens = self.norm_across(tokens + self.dropout(self.across(tokens, memory)))
        result: Tensor = self.norm_inner(tokens + self.dropout(self.inner(tokens)))
        return result


def heads_for(size: int) -> int:
    """Return the most attention heads, ten at most, that divide tokens of `size` numbers evenly."""
    return max(heads for heads in range(1, HEADS_MAX + 1) if size % heads == 0)
