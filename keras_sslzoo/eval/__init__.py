"""Protocols that measure an encoder or a generative model, each with a name and a version in its result.

An encoder is any Keras model (B, H, W, C) -> (B, D), a training method (its `pretrained_encoder` is probed), or None,
where the arrays are features already: raw pixels are the floor that an encoder has to beat, by the same call.

Features come from the backend; what is computed from them is NumPy, SciPy and scikit-learn, the same on every backend.
No protocol looks at the test set before its one prediction.
`hamming_nearest` finds neighbours by binary codes; `rankme`, `alignment` and `uniformity` judge features without labels.
"""

from keras_sslzoo.eval.anomaly import AnomalyPerClassResult as AnomalyPerClassResult
from keras_sslzoo.eval.anomaly import AnomalyResult as AnomalyResult
from keras_sslzoo.eval.anomaly import anomaly as anomaly
from keras_sslzoo.eval.anomaly import anomaly_per_class as anomaly_per_class
from keras_sslzoo.eval.clustering import ClusteringResult as ClusteringResult
from keras_sslzoo.eval.clustering import clustering as clustering
from keras_sslzoo.eval.code_retrieval import CodeRetrievalResult as CodeRetrievalResult
from keras_sslzoo.eval.code_retrieval import code_retrieval as code_retrieval
from keras_sslzoo.eval.diagnostics import alignment as alignment
from keras_sslzoo.eval.diagnostics import rankme as rankme
from keras_sslzoo.eval.diagnostics import uniformity as uniformity
from keras_sslzoo.eval.features import features as features
from keras_sslzoo.eval.few_label import few_label as few_label
from keras_sslzoo.eval.finetune import FinetuneResult as FinetuneResult
from keras_sslzoo.eval.finetune import finetune as finetune
from keras_sslzoo.eval.generation import GenerationResult as GenerationResult
from keras_sslzoo.eval.generation import density_coverage as density_coverage
from keras_sslzoo.eval.generation import frechet_distance as frechet_distance
from keras_sslzoo.eval.generation import generation as generation
from keras_sslzoo.eval.generation import kernel_distance as kernel_distance
from keras_sslzoo.eval.generation import precision_recall as precision_recall
from keras_sslzoo.eval.hamming import hamming_distances as hamming_distances
from keras_sslzoo.eval.hamming import hamming_nearest as hamming_nearest
from keras_sslzoo.eval.knn import knn as knn
from keras_sslzoo.eval.knn import nearest as nearest
from keras_sslzoo.eval.labels import ProbeResult as ProbeResult
from keras_sslzoo.eval.linear_probe import linear_probe as linear_probe
from keras_sslzoo.eval.morphing import MorphingResult as MorphingResult
from keras_sslzoo.eval.morphing import morphing as morphing
from keras_sslzoo.eval.nll import LikelihoodResult as LikelihoodResult
from keras_sslzoo.eval.nll import nll as nll
from keras_sslzoo.eval.reconstruction import ReconstructionResult as ReconstructionResult
from keras_sslzoo.eval.reconstruction import reconstruction as reconstruction
from keras_sslzoo.eval.reconstruction import ssim as ssim
from keras_sslzoo.eval.result import Result as Result
from keras_sslzoo.eval.retrieval import CrossModalResult as CrossModalResult
from keras_sslzoo.eval.retrieval import RetrievalResult as RetrievalResult
from keras_sslzoo.eval.retrieval import cross_modal_recall as cross_modal_recall
from keras_sslzoo.eval.retrieval import retrieval as retrieval
from keras_sslzoo.eval.zero_shot import ZeroShotResult as ZeroShotResult
from keras_sslzoo.eval.zero_shot import zero_shot as zero_shot
