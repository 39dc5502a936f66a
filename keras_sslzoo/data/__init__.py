"""Data sets: two bundled small ones, the full Fashion-MNIST where it is installed, and folders of images."""

from keras_sslzoo.data.emojis import Emoji as Emoji
from keras_sslzoo.data.emojis import emoji as emoji
from keras_sslzoo.data.fashion import FASHION_MNIST_CLASSES as FASHION_MNIST_CLASSES
from keras_sslzoo.data.fashion import fashion_mnist as fashion_mnist
from keras_sslzoo.data.huggingface import HuggingFaceImages as HuggingFaceImages
from keras_sslzoo.data.image_folder import ImageFolder as ImageFolder
from keras_sslzoo.data.image_folder import image_folder as image_folder
