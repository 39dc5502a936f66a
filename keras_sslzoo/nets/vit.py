"""Vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929), laid out so that public checkpoints fit.

    images (B, H, W, C) --normalization--> --patch_embed--> (B, h, w, D) --pos_embed--> (B, h, w, D), h = H / p
    --tokens: class and registers in front--> (B, P + N, D), N = h w --norm_pre--> --blocks_0 ...--> --norm-->
    --pool, or attn_pool--> (B, D) --head--> (B, E)

A chain of layers with timm's names, `_` for `.`; parts that an option leaves out are not there. The functions below run
parts of it: masked methods embed patches, drop or replace some, and encode the rest.

FAMILIES holds the options that the checkpoints of a family share, for any size: `ViT(size="B", **FAMILIES["dinov2"])`.
    dino        Caron et al. 2021, arXiv:2104.14294: the defaults
    dinov2      Oquab et al. 2023, arXiv:2304.07193; ViT-g also has `activation="swiglu"`
    dinov2_reg  the same with registers (Darcet et al. 2024, arXiv:2309.16588)
    mae         He et al. 2022, arXiv:2111.06377
    clip        Radford et al. 2021, arXiv:2103.00020; add `projection_dim`, 512 for ViT-B, 768 for ViT-L
    siglip      Zhai et al. 2023, arXiv:2303.15343
"""

import keras
import numpy as np
from keras import layers, ops

from keras_sslzoo.layers import (
    AttentionPooling,
    PatchEmbedding,
    PositionEmbedding,
    PrefixTokens,
    TokenPooling,
    TransformerBlock,
)
from keras_sslzoo.layers.token_pooling import POOLINGS
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import Normal, Uniform

# width, depth, heads. B, L, H: Dosovitskiy et al., table 1; Ti, S: Touvron et al. 2021, arXiv:2012.12877, table 1; g: DINOv2
SIZES = {
    "Ti": (192, 12, 3),
    "S": (384, 12, 6),
    "B": (768, 12, 12),
    "L": (1024, 24, 16),
    "H": (1280, 32, 16),
    "g": (1536, 40, 24),
}

_dinov2 = {"patch_size": 14, "image_size": 518, "layer_scale": 1e-5}
FAMILIES = {
    "dino": {},
    "dinov2": _dinov2,
    "dinov2_reg": {**_dinov2, "registers": 4, "position_antialias": True, "position_offset": 0.0},
    "mae": {"positions": "sincos", "position_offset": 0.0},
    "clip": {
        "pre_norm": True,
        "patch_bias": False,
        "activation": "quick_gelu",
        "norm_epsilon": 1e-5,
        "position_antialias": True,
        "position_offset": 0.0,
    },
    "siglip": {"class_token": False, "activation": "gelu_tanh", "pooling": "map", "position_offset": 0.0},
}

STDDEV = 0.02  # DINO truncates its normals at -2 and 2, which are 100 standard deviations away


def _choice(options, **argument):
    ((name, value),) = argument.items()
    if value not in options:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, options))}. Received: {name}={value!r}. "
            f"Leave it out for {options[0]!r}."
        )


def _swiglu_hidden(width):
    """2/3 of the plain perceptron's 4 D, up to a multiple of 8: as many weights (DINOv2's SwiGLUFFNFused)."""
    return (int(4 * width * 2 / 3) + 7) // 8 * 8


def ViT(
    input_shape=(224, 224, 3),
    size="S",
    patch_size=16,
    *,
    width=None,
    depth=None,
    heads=None,
    mlp_dim=None,
    activation="gelu",
    class_token=True,
    class_position=True,
    registers=0,
    positions="learned",
    image_size=None,
    position_antialias=False,
    position_offset=0.1,
    layer_scale=None,
    drop_path=0.0,
    patch_bias=True,
    qkv_bias=True,
    proj_bias=True,
    mlp_bias=True,
    pre_norm=False,
    final_norm="tokens",
    norm_epsilon=1e-6,
    pooling="class",
    projection_dim=None,
    normalization=None,
    name="vit",
):
    """Vision transformer `(B, H, W, C) -> (B, D)`; by default DINO's ViT-S/16, 21.7 million parameters.

    For images of 32 to 64 pixels take small patches and few blocks: `ViT((32, 32, 3), "Ti", 4, depth=6)` has 2.7 million
    parameters and 64 patches. For crops of several sizes: `ViT((None, None, 3), image_size=224)`. Computes in the global
    dtype policy, in which the output stays.

    Args:
        input_shape: `(H, W, C)`; H and W may be None, and then images of each batch may have their own size.
        size: "Ti", "S", "B", "L", "H" or "g": width, depth and heads; see `SIZES`.
        patch_size: p, in pixels; must divide H and W.
        width: D, in place of that of `size`; heads are then D / 64 by default.
        depth: Number of blocks, in place of that of `size`.
        heads: In place of those of `size`; must divide D.
        mlp_dim: Size of the hidden layer of each block, 4 D by default; with "swiglu" 8 D / 3, up to a multiple of 8.
        activation: "gelu" (exact), "gelu_tanh", "quick_gelu" (CLIP) or "swiglu" (DINOv2's ViT-g): see `ops.activations`.
        class_token: Whether a class token stands before the patches.
        class_position: Whether a learned position is added to the class token. With "sincos" there is none: MAE's is 0.
        registers: Number of register tokens, behind the class token.
        positions: "learned", "sincos" (fixed, as in MAE) or None.
        image_size: Int or (H, W): images for which positions are stored, in pixels; for others they are resized. By default
            the input's size, or 224 where that is not known.
        position_antialias: How positions are resized: see `layers.PositionEmbedding`. By default as in DINO's official code.
        position_offset: The same.
        layer_scale: What LayerScale starts from, or None for none.
        drop_path: Rate of stochastic depth in the last block; it rises linearly from 0 in the first. DINO's paper: 0.1.
        patch_bias: Whether the patch embedding has a bias.
        qkv_bias: Whether queries, keys and values have biases.
        proj_bias: Whether the attention's output has one.
        mlp_bias: Whether the perceptrons have biases.
        pre_norm: Whether a layer norm stands before the blocks (CLIP).
        final_norm: Where the last layer norm stands: "tokens", "pooled" (after the pooling: fine-tuned MAE), or None.
        norm_epsilon: Of all layer norms.
        pooling: "class": the class token. "mean": the mean of the patches. "class_mean": both, `(B, 2 D)`. "map": attention
            from a learned query (SigLIP). None: all tokens, `(B, P + N, D)`.
        projection_dim: E, of a dense layer without bias at the end (CLIP); None for none.
        normalization: `(mean, std)`, floats or one per channel, applied by the first layer.
        name: Of the model.

    Returns:
        `keras.Model`.
    """
    input_shape = parts.check_image_shape(input_shape=input_shape, any_size=True)
    normalization = parts.check_normalization(normalization, input_shape[-1])
    _choice(tuple(SIZES), size=size)
    own_width, own_depth, own_heads = SIZES[size]
    heads = heads or (max(1, width // 64) if width else own_heads)
    width, depth = width or own_width, own_depth if depth is None else depth
    mlp_dim = mlp_dim or (_swiglu_hidden(width) if activation == "swiglu" else 4 * width)
    parts.check_positive(patch_size=patch_size, width=width, depth=depth, heads=heads, mlp_dim=mlp_dim)
    _choice(("learned", "sincos", None), positions=positions)
    _choice(("tokens", "pooled", None), final_norm=final_norm)
    _choice((*POOLINGS, "map", None), pooling=pooling)
    if pooling in ("class", "class_mean") and not class_token:
        raise ValueError(
            f"There is no class token to pool. Received: pooling={pooling!r}, class_token=False. "
            "Use pooling='mean' or 'map'."
        )
    if final_norm == "pooled" and pooling is None:
        raise ValueError(
            "Nothing is pooled that could be normed. Received: final_norm='pooled', pooling=None. Use final_norm='tokens'."
        )
    if not 0.0 <= drop_path < 1.0:
        raise ValueError(f"`drop_path` must lie in [0, 1). Received: drop_path={drop_path}. DINO's paper uses 0.1.")
    kernels = {"kernel_initializer": Normal(STDDEV)}

    def norm(x, name):
        return layers.LayerNormalization(epsilon=norm_epsilon, name=name)(x)

    images = layers.Input(input_shape, name="images")
    x = parts.normalize(images, normalization)
    limit = (patch_size**2 * input_shape[-1]) ** -0.5  # torch's default for a convolution
    x = PatchEmbedding(width, patch_size, patch_bias, Uniform(limit), Uniform(limit), name="patch_embed")(x)
    if positions is not None:
        grid = _stored_grid(image_size, input_shape[:2], patch_size)
        x = PositionEmbedding(grid, positions, position_antialias, position_offset, Normal(STDDEV), name="pos_embed")(x)
    learned = positions == "learned"
    tokens = PrefixTokens(
        class_token, class_position and learned, registers, Normal(STDDEV), Normal(1e-6), name="tokens"
    )
    x = tokens(x)
    if pre_norm:
        x = norm(x, "norm_pre")
    for i, rate in enumerate(np.linspace(0.0, drop_path, depth)):
        x = TransformerBlock(
            heads,
            mlp_dim,
            activation,
            qkv_bias,
            proj_bias,
            mlp_bias,
            layer_scale,
            float(rate),
            norm_epsilon=norm_epsilon,
            name=f"blocks_{i}",
            **kernels,
        )(x)
    if final_norm == "tokens":
        x = norm(x, "norm")
    if pooling == "map":
        latent = {"latent_initializer": Normal(width**-0.5), **kernels}
        x = AttentionPooling(heads, mlp_dim, activation, norm_epsilon, name="attn_pool", **latent)(x)
    elif pooling is not None:
        x = TokenPooling(pooling, tokens.count, name="pool")(x)
    if final_norm == "pooled":
        x = norm(x, "fc_norm")
    if projection_dim is not None:
        parts.check_positive(projection_dim=projection_dim)
        x = layers.Dense(projection_dim, use_bias=False, name="head", kernel_initializer=Normal(width**-0.5))(x)
    return keras.Model(images, x, name=name)


def _stored_grid(image_size, input_size, patch_size):
    """`(h, w)` of the patches that positions are stored for."""
    if image_size is None:
        size = (224, 224) if None in input_size else input_size
    else:
        size = tuple(image_size) if isinstance(image_size, tuple | list) else (image_size, image_size)
    if len(size) != 2 or not all(parts.is_positive_integer(n) and n % patch_size == 0 for n in size):
        raise ValueError(
            f"`patch_size` must divide the image size. Received: patch_size={patch_size}, image size {size}. Use another "
            "patch, resize, or say by `image_size` which images positions are stored for."
        )
    return tuple(n // patch_size for n in size)


def _chain(encoder):
    """The layers of a ViT behind its input, in order, and the place of the layer `tokens` among them."""
    chain = list(getattr(encoder, "layers", ()))[1:]
    places = [i for i, layer in enumerate(chain) if isinstance(layer, PrefixTokens)]
    if len(places) != 1:
        raise ValueError(
            f"`encoder` must be a model that `nets.ViT` returned. Received: {type(encoder).__name__} "
            f"{getattr(encoder, 'name', '')!r}. Of a larger model pass the part: `model.get_layer('vit')`."
        )
    return chain, places[0]


def _run(chain, x, training):
    for layer in chain:
        x = layer(x, training=training)
    return x


def _until_block(encoder, images, block):
    """The input of a block at inference, and the block."""
    chain, _ = _chain(encoder)
    blocks = [i for i, layer in enumerate(chain) if isinstance(layer, TransformerBlock)]
    if not isinstance(block, int) or not -len(blocks) <= block < len(blocks):
        raise ValueError(
            f"`block` must be an integer in [-{len(blocks)}, {len(blocks)}). Received: block={block!r}. -1 is the last one."
        )
    place = blocks[block]
    return _run(chain[:place], _as_input(encoder, images), training=False), chain[place]


def _as_input(encoder, images):
    return ops.cast(ops.convert_to_tensor(images), encoder.inputs[0].dtype)


def embed_patches(encoder, images, positions=True, training=None):
    """The patches of images before the blocks.

    Args:
        encoder: From `ViT`.
        images: `(B, H, W, C)`.
        positions: Whether positions are added; without, `encoder.get_layer("pos_embed")` adds them.
        training: bool.

    Returns:
        `(B, h, w, D)`.
    """
    chain, place = _chain(encoder)
    embedding = [x for x in chain[:place] if positions or not isinstance(x, PositionEmbedding)]
    return _run(embedding, _as_input(encoder, images), training)


def encode_patches(encoder, patches, training=None):
    """Class token, registers and blocks on patches that `embed_patches` gave, or on some of them.

    Args:
        encoder: From `ViT`.
        patches: `(B, h, w, D)` or `(B, N, D)` with any N, positions added.
        training: bool.

    Returns:
        `(B, P + N, D)`: class token and registers, then patches, behind the last norm (unless `final_norm="pooled"`).
    """
    chain, place = _chain(encoder)
    ends = (TokenPooling, AttentionPooling)
    end = next((i for i, layer in enumerate(chain) if isinstance(layer, ends) or layer.name == "head"), len(chain))
    return _run(chain[place:end], patches, training)


def patch_features(encoder, images):
    """One vector for each patch, at inference: `(B, H, W, C)` -> `(B, h, w, D)`, behind the last norm.

    Args:
        encoder: From `ViT`.
        images: `(B, H, W, C)`, in the range that the encoder takes.

    Returns:
        `(B, h, w, D)`.
    """
    patches = embed_patches(encoder, images, training=False)
    features = encode_patches(encoder, patches, training=False)
    return ops.reshape(features[:, encoder.get_layer("tokens").count :], ops.shape(patches))


def attention_maps(encoder, images, block=-1):
    """How much each token of a block attends to each, at inference.

    Args:
        encoder: From `ViT`.
        images: `(B, H, W, C)`, in the range that the encoder takes.
        block: Which block; -1 is the last.

    Returns:
        `(B, heads, P + N, P + N)` float32; `[b, head, q]` sums to 1 over the tokens that token q reads. The attention of
        all tokens takes much memory: pass few images.
    """
    x, block = _until_block(encoder, images, block)
    return block.attention_maps(x)


def class_attention(encoder, images, block=-1):
    """How much the class token attends to each patch, at inference: the maps that DINO is known for.

    Caron et al. 2021, arXiv:2104.14294, figure 1.

    Args:
        encoder: From `ViT`, with a class token.
        images: `(B, H, W, C)`, in the range that the encoder takes.
        block: Which block; -1 is the last.

    Returns:
        `(B, heads, h, w)` float32; a map sums to 1 less what goes to the class token and the registers.
    """
    tokens = _chain(encoder)[0][_chain(encoder)[1]]
    if not tokens.class_token:
        raise ValueError(
            "`class_attention` needs an encoder with a class token. Received: one with class_token=False. "
            "`attention_maps` gives the maps between patches."
        )
    maps = attention_maps(encoder, images, block)
    h, w = (n // encoder.get_layer("patch_embed").patch_size for n in ops.shape(images)[1:3])
    return ops.reshape(maps[:, :, 0, tokens.count :], (-1, maps.shape[1], h, w))
