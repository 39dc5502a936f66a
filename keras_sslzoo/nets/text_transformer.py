"""CLIP's text transformer (Radford et al. 2021, arXiv:2103.00020, section 2.4), laid out so that public checkpoints fit.

    tokens (B, T) --embed: vectors of tokens and places--> (B, T, D) --blocks_0 ...--> --norm-->
    --pool: the end token--> (B, D) --head--> (B, E)

FAMILIES holds the options of the checkpoints of a family, for the size B: `TextTransformer(**FAMILIES["siglip"])`.
    clip    OpenAI's and open_clip's ViT-B: the defaults, with a projection
    siglip  Zhai et al. 2023, arXiv:2303.15343: no causal mask, read at the last of 64 places, a projection with bias
"""

import keras
from keras import layers

from keras_sslzoo.layers import TextEmbedding, TextPooling, TransformerBlock
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import Normal

FAMILIES = {
    "clip": {"projection_dim": 512},
    "siglip": {
        "vocabulary": 32000,
        "context": 64,
        "width": 768,
        "activation": "gelu_tanh",
        "causal": False,
        "pooling": "last",
        "projection_dim": 768,
        "projection_bias": True,
        "norm_epsilon": 1e-6,
    },
}


def TextTransformer(
    vocabulary=49408,
    context=77,
    width=512,
    depth=12,
    heads=None,
    *,
    mlp_dim=None,
    activation="quick_gelu",
    causal=True,
    pooling="end",
    projection_dim=None,
    projection_bias=False,
    norm_epsilon=1e-5,
    drop_path=0.0,
    name="text_transformer",
):
    """Text tower `(B, T) -> (B, D)`; by default that of CLIP's ViT-B, 63.2 million parameters.

    Tokens come from `data.CLIPTokenizer`. For small data take few blocks and few tokens:
    `TextTransformer(vocabulary=1024, context=24, width=128, depth=2)`. Computes in the global dtype policy, in which the
    output stays.

    Args:
        vocabulary: Number of ids.
        context: T, number of ids of a text.
        width: D. CLIP: 512, with ViT-L 768.
        depth: Number of blocks.
        heads: D / 64 by default; must divide D.
        mlp_dim: Size of the hidden layer of each block, 4 D by default.
        activation: "quick_gelu" (OpenAI's CLIP), "gelu" (open_clip's own checkpoints), "gelu_tanh" (SigLIP): see
            `ops.activations`.
        causal: Whether a token sees only itself and those before it. Then what stands after the end token plays no part.
        pooling: "end": the end token's vector, the largest id's. "last": the last place's (SigLIP).
        projection_dim: E, of a dense layer at the end; None for none. `CLIP` adds one by itself.
        projection_bias: Whether it has a bias (SigLIP).
        norm_epsilon: Of all layer norms.
        drop_path: Rate of stochastic depth in each block. CLIP's is 0.
        name: Of the model.

    Returns:
        `keras.Model`. Its initial weights are those of the official code (openai/CLIP: clip/model.py,
        `initialize_parameters`), but for the biases, which are 0.
    """
    heads = heads or max(1, width // 64)
    mlp_dim = mlp_dim or 4 * width
    parts.check_positive(vocabulary=vocabulary, context=context, width=width, depth=depth, heads=heads, mlp_dim=mlp_dim)
    tokens = layers.Input((context,), dtype="int32", name="tokens")
    x = TextEmbedding(vocabulary, context, width, Normal(0.02), Normal(0.01), name="embed")(tokens)
    for i in range(depth):
        x = TransformerBlock(
            heads,
            mlp_dim,
            activation,
            drop_path=drop_path,
            causal=causal,
            norm_epsilon=norm_epsilon,
            kernel_initializer=Normal(width**-0.5),
            mlp_initializer=Normal((2 * width) ** -0.5),
            output_initializer=Normal((2 * width * depth) ** -0.5),
            name=f"blocks_{i}",
        )(x)
    x = layers.LayerNormalization(epsilon=norm_epsilon, name="norm")(x)
    x = TextPooling(pooling, name="pool")(x, tokens)
    if projection_dim is not None:
        parts.check_positive(projection_dim=projection_dim)
        initializer = Normal(width**-0.5)
        x = layers.Dense(projection_dim, use_bias=projection_bias, kernel_initializer=initializer, name="head")(x)
    return keras.Model(tokens, x, name=name)
