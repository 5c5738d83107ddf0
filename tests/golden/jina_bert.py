"""What Jina AI's published code for JinaBERT computes, written anew: transformers has no such model.

https://huggingface.co/jinaai/jina-bert-implementation and, with ``second``, jinaai/jina-bert-v2-qk-post-norm.
"""

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class _Module(nn.Module):
    """A module with parts whose names are those of published tensors."""

    def __init__(self, /, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def _layer(config: dict[str, Any], second: bool) -> nn.Module:
    hidden, inner = config["hidden_size"], config["intermediate_size"]

    def norm() -> nn.LayerNorm:
        return nn.LayerNorm(hidden, eps=config["layer_norm_eps"])

    own = {name: nn.Linear(hidden, hidden) for name in ("query", "key", "value")}
    if second:
        own |= {"layer_norm_q": norm(), "layer_norm_k": norm()}
    attention = _Module(self=_Module(**own), output=_Module(dense=nn.Linear(hidden, hidden), LayerNorm=norm()))
    wide, narrow = nn.Linear(hidden, 2 * inner, bias=False), nn.Linear(inner, hidden)
    if second:
        mlp = _Module(up_gated_layer=wide, down_layer=narrow)
        return _Module(attention=attention, mlp=mlp, layer_norm_1=norm(), layer_norm_2=norm())
    return _Module(attention=attention, mlp=_Module(gated_layers=wide, wo=narrow, layernorm=norm()))


def slope(head: int, heads: int) -> float:
    """How much a step of distance takes from a head's scores, by the recipe of the ALiBi authors."""
    power = 2 ** math.floor(math.log2(heads))
    if head < power:
        return (2 ** (-8 / power)) ** (head + 1)
    return slope(2 * (head - power), 2 * power)


class JinaBert(nn.Module):
    """The encoder, and a classifier where labels are asked for."""

    def __init__(self, config: dict[str, Any], *, second: bool, labels: int = 0) -> None:
        super().__init__()
        hidden = config["hidden_size"]
        encoder = _Module(
            embeddings=_Module(
                word_embeddings=nn.Embedding(config["vocab_size"], hidden),
                token_type_embeddings=nn.Embedding(config["type_vocab_size"], hidden),
                LayerNorm=nn.LayerNorm(hidden, eps=config["layer_norm_eps"]),
            ),
            encoder=_Module(layer=nn.ModuleList(_layer(config, second) for _ in range(config["num_hidden_layers"]))),
            pooler=_Module(dense=nn.Linear(hidden, hidden)),
        )
        self.config, self.second, self.labels = config, second, labels
        self.inner = _Module(bert=encoder, classifier=nn.Linear(hidden, labels)) if labels else encoder

    def forward(
        self,
        input_ids: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> Any:
        """Token vectors or logits, under the names that transformers gives them."""
        model = self.inner.bert if self.labels else self.inner
        x = model.embeddings.word_embeddings(input_ids)
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        x = model.embeddings.LayerNorm(x + model.embeddings.token_type_embeddings(types))
        places = torch.arange(input_ids.shape[1])
        distance = (places[:, None] - places[None]).abs()
        heads = self.config["num_attention_heads"]
        bias = torch.stack([-slope(head, heads) * distance for head in range(heads)])[None]
        if attention_mask is not None:
            bias = bias.masked_fill(attention_mask[:, None, None] == 0, -math.inf)
        for layer in model.encoder.layer:
            x = self._layer(layer, x, bias)
        if not self.labels:
            return SimpleNamespace(last_hidden_state=x)
        return SimpleNamespace(logits=self.inner.classifier(torch.tanh(model.pooler.dense(x[:, 0]))))

    def _layer(self, layer: Any, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        own = layer.attention.self
        q, k, v = own.query(x), own.key(x), own.value(x)
        if self.second:
            q, k = own.layer_norm_q(q), own.layer_norm_k(k)
        batch, tokens, hidden = x.shape
        q, k, v = (y.view(batch, tokens, bias.shape[1], -1).transpose(1, 2) for y in (q, k, v))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]) + bias
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, hidden)
        attended = layer.attention.output.LayerNorm(layer.attention.output.dense(seen) + x)
        activation = functional.gelu if self.config["feed_forward_type"] == "geglu" else functional.relu
        if self.second:
            x = layer.layer_norm_1(x + attended)
            up, gate = layer.mlp.up_gated_layer(x).chunk(2, -1)
            return layer.layer_norm_2(x + layer.mlp.down_layer(up * activation(gate)))
        gate, up = layer.mlp.gated_layers(attended).chunk(2, -1)
        return layer.mlp.layernorm(layer.mlp.wo(activation(gate) * up) + attended)
