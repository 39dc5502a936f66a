"""What must work where one backend alone is installed. Run it from an installed wheel, not from the repository."""

import importlib.util
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_sslzoo as zoo

backend = os.environ["KERAS_BACKEND"]
others = {"jax", "tensorflow", "torch"} - {backend}
found = [name for name in sorted(others) if importlib.util.find_spec(name)]
if found:
    raise SystemExit(f"This environment should hold {backend} alone. Received: also {', '.join(found)}.")
if "site-packages" not in zoo.__file__:
    raise SystemExit(f"This should test the installed package. Received: {zoo.__file__}.")

(x, y), (xt, yt) = zoo.data.fashion_mnist(mini=True)
x, y, xt, yt = x[:256], y[:256], xt[:100], yt[:100]
encoder = zoo.nets.ConvNet((28, 28, 1), width=8, features=32)
for model in (
    zoo.SimCLR(encoder),
    zoo.BYOL(zoo.nets.ConvNet((28, 28, 1), width=8, features=32)),
    zoo.AutoEncoder(),
    zoo.VAE(),
    zoo.LSGAN(),
):
    model.compile()
    history = model.fit(x, batch_size=64, epochs=1, verbose=0).history
    if not all(np.isfinite(v).all() for v in history.values()):
        raise SystemExit(f"{type(model).__name__}: {history}")
    model.save("smoke.keras")
    keras.models.load_model("smoke.keras").evaluate(x, batch_size=64, verbose=0)
os.remove("smoke.keras")
print(zoo.eval.knn(encoder, x, y, xt, yt))
(pretrained,) = zoo.list_pretrained("AutoEncoder")
print(pretrained, zoo.eval.knn(zoo.from_pretrained(pretrained), x, y, xt, yt))
print("pretrained:", list(zoo.list_pretrained()), "methods:", zoo.list_methods())

wrong = sorted(others)[0]
result = subprocess.run(
    [sys.executable, "-c", "import keras_sslzoo"],
    env={**os.environ, "KERAS_BACKEND": wrong},
    capture_output=True,
    text=True,
)
if result.returncode == 0 or f"KERAS_BACKEND to {backend}" not in result.stderr:
    raise SystemExit(f"KERAS_BACKEND={wrong} without {wrong} should be explained. Received: {result.stderr}")
print(f"{backend} alone: ok")
