"""`python exchange.py save|load METHOD FOLDER OUT`: a model trained and saved on one backend, loaded on another."""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from same_state import SHAPE, build, optimizer

import keras_sslzoo as zoo


def main(mode, method, folder, out):
    folder = pathlib.Path(folder)
    (images, _), _ = zoo.data.fashion_mnist(mini=True)
    images = images[:64, 2:-2:2, 2:-2:2]
    if mode == "save":
        keras.utils.set_random_seed(0)
        model = build(method)
        model.compile(optimizer(model))
        model.fit(images, batch_size=32, epochs=2, verbose=0)
        model.save(folder / "m.keras")
        model.save_weights(folder / "m.weights.h5")
    else:
        model = keras.models.load_model(folder / "m.keras")
        again = build(method)
        again.compile(optimizer(again))
        again.load_weights(folder / "m.weights.h5")
        for a, b in zip(
            model.variables + model.optimizer.variables, again.variables + again.optimizer.variables, strict=True
        ):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(a.value), keras.ops.convert_to_numpy(b.value))
    record = {f"slot/{i}": keras.ops.convert_to_numpy(v.value) for i, v in enumerate(model.optimizer.variables)}
    x = np.ones((4, 8), "float32") if method == "LSGAN" else images[:4].reshape(4, *SHAPE)
    record["prediction"] = model.predict(x, verbose=0)
    record["jit_compile"] = np.array(model.jit_compile)
    history = model.fit(images, batch_size=32, epochs=3, initial_epoch=2, verbose=0).history
    np.savez(out, **record, **{f"log/{name}": value[-1] for name, value in history.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
