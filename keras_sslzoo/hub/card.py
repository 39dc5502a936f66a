"""The model card: README.md of a folder, from its config and, for an entry of the zoo, from the manifest."""

from keras_sslzoo import methods

TASKS = {"autoencoder": "image-to-image", "generator": "unconditional-image-generation"}


def card(name, config, entry=None, repository=None):
    """Markdown with the front matter that the Hub reads.

    Args:
        name: Of the entry, or of the folder.
        config: Of the folder, from `layout.parse_config`.
        entry: Of the manifest, or None for a user's own model.
        repository: "org/name" once it is known where the folder is uploaded.
    """
    entry = entry or {}
    sections = [
        _front_matter(config, entry),
        f"# {name}\n\n{entry.get('summary') or _what(config)}",
        _origin(config, entry),
        _usage(config, f"hf://{repository}" if repository else name if entry else f"path/to/{name}"),
        _preprocessing(config),
        _metrics(entry),
        _files(config),
        _reproduce(entry),
        _limits(entry),
        _licence(entry),
        _citation(config),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(config, entry):
    method = config["method"]
    tags = ["keras", "keras_sslzoo", "self-supervised", *([method.lower()] if method else [])]
    lines = ["library_name: keras", f"tags: [{', '.join(tags)}]"]
    if "license" in entry:
        lines.insert(0, f"license: {entry['license']['spdx'].lower()}")
        lines.append(f"pipeline_tag: {TASKS.get(entry.get('modality'), 'image-feature-extraction')}")
    return "\n".join(["---", *lines, "---"])


def _what(config):
    what = f"A {config['method']}" if config["method"] else "A network"
    return f"{what} that `keras_sslzoo.save_pretrained` wrote (keras_sslzoo {config['library_version']})."


def _origin(config, entry):
    if "training" not in entry:
        return ""
    training = entry["training"]
    environment = ", ".join(f"{k} {v}" for k, v in training.get("environment", {}).items())
    return (
        f"## Origin\n\nTrained by the authors of keras_sslzoo {config['library_version']}, from random weights, on "
        f"{training['dataset']}: seed {training['seed']}, backend {training['backend']}, {training['minutes']:.0f} "
        f"minutes on a CPU ({environment})."
    )


def _usage(config, source):
    lines = [
        "import keras_sslzoo as zoo  # KERAS_BACKEND=jax, tensorflow or torch: the same numbers, up to rounding",
        "",
    ]
    if "encoder" in config["parts"]:
        lines += [
            f'encoder = zoo.from_pretrained("{source}")  # a Keras model, images -> features (B, D)',
            "features = encoder.predict(encoder.preprocess(images))",
            f'frozen = zoo.from_pretrained("{source}", trainable=False)  # for a classifier on top',
        ]
    if "method" in config["parts"]:
        lines += [
            f'model = zoo.from_pretrained("{source}", part="method")  # the whole {config["method"]}, to go on with'
        ]
    return "## Usage\n\n```python\n" + "\n".join(lines) + "\n```"


def _preprocessing(config):
    wanted = config["preprocessing"]
    if wanted.get("image_size") is None:
        return ""
    height, width = wanted["image_size"]
    how = "squashed" if wanted["resize"] == "squash" else "resized by the shorter side and cropped in the centre"
    return (
        f"## Preprocessing\n\nImages in [0, 1] (or uint8) of {height} x {width} pixels and {wanted['channels']} "
        f"channel{'s' if wanted['channels'] > 1 else ''}; others are {how} ({wanted['interpolation']}, antialiased) by "
        "`encoder.preprocess`. Mean and deviation, where there are any, are the encoder's first layer."
    )


def _metrics(entry):
    found = entry.get("metrics", [])
    text = "## Metrics"
    if not found:
        return f"{text}\n\nNone were recorded."
    for source, title in (("measured", "Measured by us, on these files"), ("reported", "Reported by the authors")):
        chosen = [m for m in found if m["source"] == source]
        if chosen:
            text += f"\n\n### {title}\n\n| data | protocol | metric | value | same protocol on |\n|---|---|---|---|---|"
            for m in chosen:
                spread = f" ± {m['std']:.3g}" if "std" in m else ""
                other = ", ".join(f"{k}: {v:.4g}" for k, v in m.get("baselines", {}).items())
                data = f"{m['dataset']}, {m.get('split', '')}".rstrip(", ")
                value = f"{m['value']:.4g}{m.get('unit', '')}{spread}"
                name = m["name"] + (f", {m['note']}" if "note" in m else "")
                text += f"\n| {data} | `{m['protocol']}` | {name} | {value} | {other} |"
    return text


def _files(config):
    rows = [f"| {p['file']} | {part} | {p['size']:,} | `{p['sha256']}` |" for part, p in config["parts"].items()]
    return "\n".join(["## Files", "", "| file | part | bytes | sha256 |", "|---|---|---|---|", *rows])


def _reproduce(entry):
    if "training" not in entry:
        return ""
    command = f"python scripts/train_entry.py {entry['training']['config']}"
    return f"## Reproduce\n\nIn a checkout, `{command}` trains it and measures it."


def _limits(entry):
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in entry["limits"]) if entry.get("limits") else ""


def _licence(entry):
    if "license" not in entry:
        return "## Licence\n\nNot stated. Add one before you share the model."
    licence = entry["license"]
    attribution = f" {licence['attribution']}" if "attribution" in licence else ""
    return (
        f"## Licence\n\n{licence['spdx']}. Commercial use is {'allowed' if licence['commercial_use'] else 'not allowed'}."
        f"{attribution}"
    )


def _citation(config):
    paper = getattr(getattr(methods, config["method"] or "", None), "paper", None)
    return f"## Citation\n\n{paper.authors} {paper.year}. {paper.title}. {paper.url}" if paper else ""
