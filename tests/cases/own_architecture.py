"""all-MiniLM-L6-v2 as jina-embeddings-v2 is published: good weights behind an architecture of its own.

Its feed-forward layers go by other names than BERT's, and its code (``auto_map``) knows them. Without that code the
built-in BERT loads, finds embeddings and attention, and draws the rest at random.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.models import copy_of, minilm_folder

__all__ = ["own_architecture"]

MODELING = """
from pathlib import Path

from torch import nn
from transformers import BertModel
from transformers.models.bert.modeling_bert import BertIntermediate, BertLayer, BertOutput

Path({mark!r}).write_text("the model's code ran")


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up, self.down = BertIntermediate(config), BertOutput(config)

    def forward(self, states):
        return self.down(self.up(states), states)


class OwnLayer(BertLayer):
    def __init__(self, config, layer_idx):
        super().__init__(config, layer_idx=layer_idx)
        del self.intermediate, self.output
        self.mlp = FeedForward(config)

    def feed_forward_chunk(self, states):
        return self.mlp(states)


class OwnModel(BertModel):
    def __init__(self, config, **how):
        super().__init__(config, **how)
        layers = range(config.num_hidden_layers)
        self.encoder.layer = nn.ModuleList([OwnLayer(config, index) for index in layers])
        self.post_init()
"""


def own_architecture(folder: Path, mark: Path) -> Path:
    """Write the model; its code leaves ``mark`` behind when it runs."""
    from safetensors.torch import load_file, save_file

    copy_of(minilm_folder(), folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    save_file(
        {_renamed(name): tensor for name, tensor in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"architectures": ["OwnModel"], "auto_map": {"AutoModel": "modeling_own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "modeling_own.py").write_text(MODELING.format(mark=str(mark)), encoding="utf-8")
    return folder


def _renamed(name: str) -> str:
    if ".attention." in name:
        return name
    return name.replace(".intermediate.", ".mlp.up.").replace(".output.", ".mlp.down.")
