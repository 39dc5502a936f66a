"""What can go wrong with pretrained weights: each error says what was received and what to do."""


class WeightsError(Exception):
    """Base of all errors of pretrained weights."""


class UnknownWeights(WeightsError):
    """There are no weights of this name, or no such repository, revision or file."""


class WeightsNotHosted(WeightsError):
    """The manifest knows these weights, but no file in our layout exists."""


class WeightsOffline(WeightsError):
    """The files are not on this machine, and the Hub was not asked or did not deliver them."""


class WeightsCorrupt(WeightsError):
    """A file is not what was declared: another size, another sha256, or no valid safetensors file or config."""


class WeightsGated(WeightsError):
    """The repository wants a token."""


class LicenseNotAccepted(WeightsError):
    """The licence must be accepted by `accept_license=True`."""


class ForeignLayout(WeightsError):
    """The files are another library's, which are not converted yet."""


class ArchitectureMismatch(WeightsError):
    """The tensors of the file are not those of the network."""
