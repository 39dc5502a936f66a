"""The table of contents: every method, one file each."""

from keras_sslzoo.methods.adversarial.gan import GAN as GAN
from keras_sslzoo.methods.adversarial.lsgan import LSGAN as LSGAN
from keras_sslzoo.methods.adversarial.pix2pix import Pix2Pix as Pix2Pix
from keras_sslzoo.methods.contrastive.simclr import SimCLR as SimCLR
from keras_sslzoo.methods.distillation.byol import BYOL as BYOL
from keras_sslzoo.methods.distillation.dino import DINO as DINO
from keras_sslzoo.methods.multimodal.clip import CLIP as CLIP
from keras_sslzoo.methods.multimodal.siglip import SigLIP as SigLIP
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder as AutoEncoder
from keras_sslzoo.methods.variational.vae import VAE as VAE
