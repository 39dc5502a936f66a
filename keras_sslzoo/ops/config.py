"""Configs derived from the constructor's signature: every argument is an attribute of the same name."""

import inspect

import keras


def signature_names(obj, stop):
    """Names of the constructor arguments of `obj`, its bases' included; each is an attribute of the same name.

    Args:
        obj: The object.
        stop: The class of the method resolution order at which to stop looking at constructors.
    """
    names = {}
    for cls in type(obj).__mro__:
        if cls is stop:
            break
        if "__init__" not in vars(cls):
            continue
        for name, parameter in list(inspect.signature(vars(cls)["__init__"]).parameters.items())[1:]:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                names[name] = None
    missing = [name for name in names if not hasattr(obj, name)]
    if missing:
        raise AttributeError(
            f"Every constructor argument of {type(obj).__name__} must be an attribute of the same name, so that its "
            f"config can be derived. Missing: {', '.join(missing)}. Assign them in `__init__`."
        )
    return list(names)


def signature_config(obj, stop):
    """Serialise the constructor arguments of `obj`, see `signature_names`.

    Returns:
        Dict from argument name to a serialised value, for `deserialize_config`.
    """
    return {name: keras.saving.serialize_keras_object(getattr(obj, name)) for name in signature_names(obj, stop)}


def deserialize_config(config):
    """The constructor arguments that `signature_config` serialised."""
    return {name: keras.saving.deserialize_keras_object(value) for name, value in config.items()}
