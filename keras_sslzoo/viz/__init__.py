"""Pictures: each function takes arrays or a model and returns a `matplotlib.figure.Figure`.

Save it with `figure.savefig(path)`. No pyplot: nothing opens a window, and a figure is freed when its last reference goes.
"""

from keras_sslzoo.viz.grids import attention as attention
from keras_sslzoo.viz.grids import image_grid as image_grid
from keras_sslzoo.viz.grids import image_rows as image_rows
from keras_sslzoo.viz.grids import neighbours as neighbours
from keras_sslzoo.viz.grids import views_grid as views_grid
from keras_sslzoo.viz.models import filters as filters
from keras_sslzoo.viz.models import manifold as manifold
from keras_sslzoo.viz.models import morph as morph
from keras_sslzoo.viz.models import reconstructions as reconstructions
from keras_sslzoo.viz.models import samples as samples
from keras_sslzoo.viz.models import traversals as traversals
from keras_sslzoo.viz.plots import confusion as confusion
from keras_sslzoo.viz.plots import curves as curves
from keras_sslzoo.viz.plots import feature_map as feature_map
from keras_sslzoo.viz.plots import latent_map as latent_map
