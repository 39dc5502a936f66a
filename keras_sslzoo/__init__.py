"""keras_sslzoo: self-supervised and generative models for Keras 3, each defined once for TensorFlow, JAX and PyTorch."""

import difflib as _difflib

from keras_sslzoo import backend as backend  # first: it explains a backend that is not installed
from keras_sslzoo import callbacks as callbacks
from keras_sslzoo import data as data
from keras_sslzoo import eval as eval
from keras_sslzoo import hub as hub
from keras_sslzoo import layers as layers
from keras_sslzoo import losses as losses
from keras_sslzoo import methods as methods
from keras_sslzoo import nets as nets
from keras_sslzoo import ops as ops
from keras_sslzoo import optimizers as optimizers
from keras_sslzoo import views as views
from keras_sslzoo import viz as viz
from keras_sslzoo.engine.method import Method as Method
from keras_sslzoo.engine.paper import Paper as Paper
from keras_sslzoo.engine.paper import Recipe as Recipe
from keras_sslzoo.hub import from_pretrained as from_pretrained
from keras_sslzoo.hub import list_pretrained as list_pretrained
from keras_sslzoo.hub import push_to_hub as push_to_hub
from keras_sslzoo.hub import save_pretrained as save_pretrained
from keras_sslzoo.methods import BYOL as BYOL
from keras_sslzoo.methods import CLIP as CLIP
from keras_sslzoo.methods import DINO as DINO
from keras_sslzoo.methods import GAN as GAN
from keras_sslzoo.methods import LSGAN as LSGAN
from keras_sslzoo.methods import VAE as VAE
from keras_sslzoo.methods import AutoEncoder as AutoEncoder
from keras_sslzoo.methods import ContextEncoder as ContextEncoder
from keras_sslzoo.methods import ContractiveAutoEncoder as ContractiveAutoEncoder
from keras_sslzoo.methods import DenoisingAutoEncoder as DenoisingAutoEncoder
from keras_sslzoo.methods import JointAutoEncoder as JointAutoEncoder
from keras_sslzoo.methods import KSparseAutoEncoder as KSparseAutoEncoder
from keras_sslzoo.methods import LinearAutoEncoder as LinearAutoEncoder
from keras_sslzoo.methods import Pix2Pix as Pix2Pix
from keras_sslzoo.methods import SemanticHashing as SemanticHashing
from keras_sslzoo.methods import SigLIP as SigLIP
from keras_sslzoo.methods import SimCLR as SimCLR
from keras_sslzoo.methods import SparseAutoEncoder as SparseAutoEncoder

__version__ = "0.1.0.dev0"


def list_methods():
    """Names of the methods, sorted; each is a class of this module: `getattr(keras_sslzoo, name)`."""
    return sorted(
        name for name, value in vars(methods).items() if isinstance(value, type) and issubclass(value, Method)
    )


def __getattr__(name):
    near = _difflib.get_close_matches(name, [n for n in globals() if not n.startswith("_")], n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else " `list_methods()` names the methods."
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{hint}")
