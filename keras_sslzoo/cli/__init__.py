"""The command line `sslzoo`: each command is a few lines over the Python API."""

from keras_sslzoo.cli.main import main as main
