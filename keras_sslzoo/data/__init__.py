"""Data sets: two bundled small ones, others where they are installed, and folders of images."""

from keras_sslzoo.data.emojis import EMOJI_TEMPLATES as EMOJI_TEMPLATES
from keras_sslzoo.data.emojis import Emoji as Emoji
from keras_sslzoo.data.emojis import emoji as emoji
from keras_sslzoo.data.fashion import FASHION_MNIST_CLASSES as FASHION_MNIST_CLASSES
from keras_sslzoo.data.fashion import fashion_mnist as fashion_mnist
from keras_sslzoo.data.huggingface import HuggingFaceImages as HuggingFaceImages
from keras_sslzoo.data.image_folder import ImageFolder as ImageFolder
from keras_sslzoo.data.image_folder import image_folder as image_folder
from keras_sslzoo.data.mnist import mnist5k as mnist5k
from keras_sslzoo.data.openmoji import OpenMojiPairs as OpenMojiPairs
from keras_sslzoo.data.openmoji import openmoji_pairs as openmoji_pairs
from keras_sslzoo.data.satellite import Satellite as Satellite
from keras_sslzoo.data.satellite import SatelliteMapPairs as SatelliteMapPairs
from keras_sslzoo.data.satellite import satellite as satellite
from keras_sslzoo.data.satellite import satellite_map_pairs as satellite_map_pairs
from keras_sslzoo.data.tokenizer import CLIPTokenizer as CLIPTokenizer
