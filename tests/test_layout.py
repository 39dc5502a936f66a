"""The direction of imports, and that frameworks are named in `backend/` alone."""

import ast
import pathlib

import keras_sslzoo as zoo

PACKAGE = pathlib.Path(zoo.__file__).parent
FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch", "flax", "optax"}

# what each part may import of the project, directly
ALLOWED = {
    "cli": {"hub", "methods", "engine", "nets", "views", "layers", "losses", "optimizers", "ops", "backend"},
    "backend": set(),
    "ops": {"backend"},
    "layers": {"ops", "backend"},
    "losses": {"ops", "backend"},
    "optimizers": {"ops", "backend"},
    "nets": {"layers", "losses", "optimizers", "ops", "backend"},
    "views": {"viz", "layers", "losses", "ops", "backend"},
    "engine": {"data", "nets", "views", "layers", "losses", "optimizers", "ops", "backend"},
    "methods": {"engine", "nets", "views", "layers", "losses", "optimizers", "ops", "backend"},
    "hub": {"methods", "engine", "nets", "views", "layers", "losses", "optimizers", "ops", "backend"},
    "data": set(),
    "eval": {"data", "optimizers", "ops", "backend"},
    "callbacks": {"eval", "viz", "nets", "ops", "backend"},
    "viz": {"ops", "backend"},
}


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "keras_sslzoo":
                yield from (f"keras_sslzoo.{alias.name}" for alias in node.names)


def sources():
    return [p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE]


def test_imports_point_down():
    wrong = []
    for path in sources():
        part = path.relative_to(PACKAGE).parts[0]
        for module in imported_modules(path):
            if module.startswith("keras_sslzoo."):
                other = module.split(".")[1]
                if other != part and other not in ALLOWED[part]:
                    wrong.append(f"{path.relative_to(PACKAGE)} imports {module}")
    assert not wrong


def test_frameworks_are_named_in_backend_alone():
    wrong = []
    for path in sources():
        if path.relative_to(PACKAGE).parts[0] == "backend":
            continue
        for module in imported_modules(path):
            if module.split(".")[0] in FRAMEWORKS:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {module}")
            if module.startswith("keras.src"):
                wrong.append(f"{path.relative_to(PACKAGE)} imports Keras' private {module}")
    assert not wrong


def test_the_tests_of_this_file_can_fail(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("from keras_sslzoo import methods\nimport torch.nn\n")
    assert set(imported_modules(path)) == {"keras_sslzoo", "keras_sslzoo.methods", "torch.nn"}


def test_backends_hold_the_same_names_in_the_same_order():
    public = {}
    for name in ("jax", "tensorflow", "torch"):
        tree = ast.parse((PACKAGE / "backend" / f"{name}.py").read_text(encoding="utf-8"))
        public[name] = [
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        ]
    assert public["jax"] == public["tensorflow"] == public["torch"]


def test_no_assert_in_the_package():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], path


def test_method_files_stay_short():
    for path in (PACKAGE / "methods").rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 170, path
