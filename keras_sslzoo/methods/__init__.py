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
from keras_sslzoo.methods.reconstruction.context_encoder import ContextEncoder as ContextEncoder
from keras_sslzoo.methods.reconstruction.contractive_autoencoder import ContractiveAutoEncoder as ContractiveAutoEncoder
from keras_sslzoo.methods.reconstruction.denoising_autoencoder import DenoisingAutoEncoder as DenoisingAutoEncoder
from keras_sslzoo.methods.reconstruction.joint_autoencoder import JointAutoEncoder as JointAutoEncoder
from keras_sslzoo.methods.reconstruction.k_sparse_autoencoder import KSparseAutoEncoder as KSparseAutoEncoder
from keras_sslzoo.methods.reconstruction.linear_autoencoder import LinearAutoEncoder as LinearAutoEncoder
from keras_sslzoo.methods.reconstruction.semantic_hashing import SemanticHashing as SemanticHashing
from keras_sslzoo.methods.reconstruction.sparse_autoencoder import SparseAutoEncoder as SparseAutoEncoder
from keras_sslzoo.methods.variational.vae import VAE as VAE
