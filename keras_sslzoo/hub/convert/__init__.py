"""Checkpoints of other libraries: which layout a folder is in. Each gets a module here that renames its tensors to ours.

config.json or the tensors' names --recognise--> "hf-dinov2", "timm", ... --(to come)--> our names and shapes
"""

from keras_sslzoo.hub.errors import ForeignLayout

# `model_type` in the config.json of Hugging Face's transformers
MODEL_TYPES = {
    "vit": "hf-vit",
    "dinov2": "hf-dinov2",
    "dinov2_with_registers": "hf-dinov2",
    "vit_mae": "hf-mae",
    "ijepa": "hf-ijepa",
    "clip": "hf-clip",
    "siglip": "hf-siglip",
    "resnet": "hf-resnet",
}

# a tensor that only this layout names so
SIGNATURES = {
    "visual.conv1.weight": "open-clip",
    "blocks.0.attn.qkv.weight": "timm",
    "layer1.0.conv1.weight": "torchvision",
    "embeddings.patch_embeddings.projection.weight": "hf-vit",
    "decoder.mid_block.resnets.0.conv1.weight": "diffusers-vae",
}


def recognise(config, names=()):
    """The foreign layout of a config (dict) or of tensor names, or None.

    Args:
        config: From a `config.json`; nothing in it is trusted.
        names: Of tensors.
    """
    model_type = config.get("model_type")
    if isinstance(model_type, str) and model_type in MODEL_TYPES:
        return MODEL_TYPES[model_type]
    if "pretrained_cfg" in config:
        return "timm"
    if config.get("_class_name") == "AutoencoderKL":
        return "diffusers-vae"
    if "registered_name" in config or {"module", "class_name"} <= set(config):
        return "keras"
    return next((layout for name, layout in SIGNATURES.items() if name in names), None)


def foreign(config, source, names=()):
    """The error for files that are not in our layout."""
    layout = recognise(config, names)
    described = f"the layout {layout!r}" if layout else "an unknown layout"
    return ForeignLayout(
        f"Weights must be in keras_sslzoo's own layout, as `save_pretrained` writes it. Received: {source} in {described}. "
        "This version converts no other layout yet; `list_pretrained()` shows what can be loaded."
    )
