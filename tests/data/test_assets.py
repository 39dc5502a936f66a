import pytest

from keras_sslzoo.data import assets


def test_sizes_fit_the_wheel():
    sizes = {name: len(assets.read_asset(name)) for name in assets.SHA256}
    assert max(sizes.values()) < 3e6
    assert sum(sizes.values()) < 6e6


def test_notice_names_every_file_and_licence():
    notice = (assets._folder() / "NOTICE").read_text("utf-8")
    for words in (*assets.SHA256, "2017 Zalando SE", "2013 Cal Henderson", "Apache License 2.0", "build_assets.py"):
        assert words in notice


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"\x00" + data[1:], lambda data: b""])
def test_corrupt_asset_is_refused(tmp_path, monkeypatch, damage):
    (tmp_path / "emoji.json").write_bytes(damage(assets.read_asset("emoji.json")))
    monkeypatch.setattr(assets, "_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"corrupt: its sha256 must be .* Received: .* Reinstall keras_sslzoo"):
        assets.read_asset("emoji.json")


def test_missing_asset_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'emoji.json' is missing .* Reinstall"):
        assets.read_asset("emoji.json")


def test_unknown_asset_names_the_known():
    with pytest.raises(ValueError, match=r"Received: '../secret'.*emoji\.webp"):
        assets.read_asset("../secret")
