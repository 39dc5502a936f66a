"""Pictures: each function takes arrays and returns a `matplotlib.figure.Figure`; save it with `figure.savefig(path)`.

No pyplot: nothing opens a window, and a figure is freed when its last reference goes.
"""

from keras_sslzoo.viz.grids import attention as attention
from keras_sslzoo.viz.grids import image_grid as image_grid
from keras_sslzoo.viz.grids import image_rows as image_rows
from keras_sslzoo.viz.grids import neighbours as neighbours
from keras_sslzoo.viz.grids import views_grid as views_grid
from keras_sslzoo.viz.plots import curves as curves
from keras_sslzoo.viz.plots import feature_map as feature_map
from keras_sslzoo.viz.plots import latent_map as latent_map
