"""Encoders, decoders, generators and discriminators: functions that return a functional `keras.Model`."""

from keras_sslzoo.nets.convnet import ConvDecoder as ConvDecoder
from keras_sslzoo.nets.convnet import ConvEncoder as ConvEncoder
from keras_sslzoo.nets.convnet import ConvNet as ConvNet
from keras_sslzoo.nets.dcgan import DCGANDiscriminator as DCGANDiscriminator
from keras_sslzoo.nets.dcgan import DCGANGenerator as DCGANGenerator
from keras_sslzoo.nets.heads import DINOHead as DINOHead
from keras_sslzoo.nets.heads import Head as Head
from keras_sslzoo.nets.inpainting import InpaintingBottleneck as InpaintingBottleneck
from keras_sslzoo.nets.inpainting import InpaintingDecoder as InpaintingDecoder
from keras_sslzoo.nets.inpainting import InpaintingEncoder as InpaintingEncoder
from keras_sslzoo.nets.mlp import MLP as MLP
from keras_sslzoo.nets.patchgan import PatchGAN as PatchGAN
from keras_sslzoo.nets.resnet import ResNet18 as ResNet18
from keras_sslzoo.nets.resnet import ResNet34 as ResNet34
from keras_sslzoo.nets.resnet import ResNet50 as ResNet50
from keras_sslzoo.nets.text_transformer import TextTransformer as TextTransformer
from keras_sslzoo.nets.unet import UNet as UNet
from keras_sslzoo.nets.vit import ViT as ViT
from keras_sslzoo.nets.vit import attention_maps as attention_maps
from keras_sslzoo.nets.vit import class_attention as class_attention
from keras_sslzoo.nets.vit import patch_features as patch_features
