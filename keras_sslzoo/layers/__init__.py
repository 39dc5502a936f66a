"""Keras layers that two or more methods share."""

from keras_sslzoo.layers.attention import Attention as Attention
from keras_sslzoo.layers.attention_pooling import AttentionPooling as AttentionPooling
from keras_sslzoo.layers.batch_normalization import BatchNormalization as BatchNormalization
from keras_sslzoo.layers.batch_statistics import BatchStatisticsNormalization as BatchStatisticsNormalization
from keras_sslzoo.layers.centering import Centering as Centering
from keras_sslzoo.layers.channelwise_dense import ChannelwiseDense as ChannelwiseDense
from keras_sslzoo.layers.codes import Bits as Bits
from keras_sslzoo.layers.codes import KeepTopK as KeepTopK
from keras_sslzoo.layers.convolution import Conv2D as Conv2D
from keras_sslzoo.layers.convolution import Conv2DTranspose as Conv2DTranspose
from keras_sslzoo.layers.dense import Dense as Dense
from keras_sslzoo.layers.dropout import Dropout as Dropout
from keras_sslzoo.layers.dropout import DropPath as DropPath
from keras_sslzoo.layers.feed_forward import FeedForward as FeedForward
from keras_sslzoo.layers.layer_scale import LayerScale as LayerScale
from keras_sslzoo.layers.patch_embedding import PatchEmbedding as PatchEmbedding
from keras_sslzoo.layers.position_embedding import PositionEmbedding as PositionEmbedding
from keras_sslzoo.layers.prefix_tokens import PrefixTokens as PrefixTokens
from keras_sslzoo.layers.prototypes import Prototypes as Prototypes
from keras_sslzoo.layers.running_mean import RunningMean as RunningMean
from keras_sslzoo.layers.text_embedding import TextEmbedding as TextEmbedding
from keras_sslzoo.layers.text_pooling import TextPooling as TextPooling
from keras_sslzoo.layers.token_pooling import TokenPooling as TokenPooling
from keras_sslzoo.layers.transformer_block import TransformerBlock as TransformerBlock
