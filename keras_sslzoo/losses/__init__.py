"""Losses: pure functions of tensors in `keras.ops`, filed by their mathematics. No state, no schedule, no network."""

from keras_sslzoo.losses.adversarial import least_squares as least_squares
from keras_sslzoo.losses.contrastive import nt_xent as nt_xent
from keras_sslzoo.losses.contrastive import sigmoid_pairwise as sigmoid_pairwise
from keras_sslzoo.losses.contrastive import symmetric_info_nce as symmetric_info_nce
from keras_sslzoo.losses.distillation import entropy as entropy
from keras_sslzoo.losses.distillation import soft_cross_entropy as soft_cross_entropy
from keras_sslzoo.losses.distillation import soft_targets as soft_targets
from keras_sslzoo.losses.likelihood import bernoulli_nll as bernoulli_nll
from keras_sslzoo.losses.likelihood import gaussian_nll as gaussian_nll
from keras_sslzoo.losses.likelihood import kl_to_standard_normal as kl_to_standard_normal
from keras_sslzoo.losses.regression import binary_cross_entropy as binary_cross_entropy
from keras_sslzoo.losses.regression import masked_mean_squared_error as masked_mean_squared_error
from keras_sslzoo.losses.regression import mean_absolute_error as mean_absolute_error
from keras_sslzoo.losses.regression import mean_squared_error as mean_squared_error
from keras_sslzoo.losses.regression import normalized_mean_squared_error as normalized_mean_squared_error
from keras_sslzoo.losses.sparsity import kl_sparsity as kl_sparsity
from keras_sslzoo.losses.sparsity import l1 as l1
from keras_sslzoo.losses.sparsity import sigmoid_contraction as sigmoid_contraction
