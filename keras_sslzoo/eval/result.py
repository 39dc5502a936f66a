"""What every protocol returns: its versioned name, its scores, and the settings that they depend on."""

import dataclasses
import math

import numpy as np


def shown(form, **options):
    """A field of a result that its one line shows, as `form` formats it; of a dict, each pair of key and value."""
    return dataclasses.field(metadata={"form": form}, **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The base of all results. Two results compare only where `protocol` and `settings` are equal.

    Args:
        protocol: name and version, such as "knn/1". The version grows when the same settings would give another score.
        settings: what was asked for: a dict of plain Python values.
    """

    protocol: str
    settings: dict

    def __str__(self):
        shown = [line for f in dataclasses.fields(self) if (line := _line(f, getattr(self, f.name)))]
        settings = ", ".join(f"{name}={_short(value)}" for name, value in self.settings.items() if value is not None)
        return f"{self.protocol}: {', '.join(shown)}" + (f" ({settings})" if settings else "")

    def as_dict(self):
        """The result as plain Python values, ready for JSON; an infinite score becomes the string "inf"."""
        fields = (f for f in dataclasses.fields(self) if f.repr)
        return {f.name: plain(getattr(self, f.name)) for f in fields}


def plain(value):
    """Numbers, lists and dicts of NumPy as those of JSON."""
    if isinstance(value, dict):
        return {str(key): plain(v) for key, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _line(field, value):
    form = field.metadata.get("form")
    if form is None or value is None:
        return ""
    parts = [form.format(*pair) for pair in value.items()] if isinstance(value, dict) else [form.format(value)]
    return ", ".join(parts).replace("%", " %")


def _short(value):
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else value
