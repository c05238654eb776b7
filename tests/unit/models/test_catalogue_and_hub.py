"""Where models come from, which device they run on, and that each is loaded once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.errors import Unavailable
from core.models import device
from core.models.catalogue import CATALOGUE, any_entry, find_entry, locate
from core.models.cross_encoder import load_cross_encoder
from core.models.hub import ModelHub
from core.settings import Settings


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no-cache"))


def test_every_entry_is_complete() -> None:
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert len(entry.revision) == 40
        assert entry.languages
        assert entry.licence
        assert entry.megabytes > 50
        assert (entry.dimension > 0) == (entry.task == "encoder")


def test_the_packaged_encoder_knows_no_chinese() -> None:
    assert find_entry("all-MiniLM-L6-v2", "encoder").languages == ("en",)


def test_found_by_either_name_and_only_for_its_task() -> None:
    assert find_entry("BAAI/bge-small-zh-v1.5", "encoder") is find_entry("bge-small-zh-v1.5", "encoder")
    with pytest.raises(Unavailable) as caught:
        find_entry("bge-reranker-v2-m3", "encoder")
    assert "multilingual-e5-small" in str(caught.value)
    assert "bge-reranker-v2-m3" in caught.value.sentence("zh")


def test_any_id_of_the_hub_may_be_trained_from() -> None:
    assert any_entry("gpt2", "language_model") is any_entry("openai-community/gpt2", "language_model")
    other = any_entry("someone/some-gpt2@0123abc", "language_model")
    assert (other.hub_id, other.revision) == ("someone/some-gpt2", "0123abc")
    assert any_entry("someone/some-gpt2", "language_model").revision == "main"
    for wrong in ("bert-base-uncased", "no such model", "../secrets", "a/b/c"):
        with pytest.raises(Unavailable) as caught:
            any_entry(wrong, "language_model")
        assert "distilgpt2" in str(caught.value)


def test_a_download_without_safetensors_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))
    wanted = find_entry("gpt2", "language_model"), Settings(allow_hub=True, _env_file=None)
    with pytest.raises(Unavailable, match="safetensors"):
        locate(*wanted)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert locate(*wanted).origin == "hub"


def test_the_owners_folder_comes_before_the_package(tmp_path: Path) -> None:
    entry = find_entry("all-MiniLM-L6-v2", "encoder")
    assert locate(entry, Settings(models_dir=tmp_path, _env_file=None)).origin == "package"
    (tmp_path / entry.name).mkdir()
    (tmp_path / entry.name / "config.json").write_text("{}", encoding="utf-8")
    place = locate(entry, Settings(models_dir=tmp_path, _env_file=None))
    assert (place.origin, place.path) == ("folder", tmp_path / entry.name)


def test_a_model_that_is_nowhere_says_what_to_do() -> None:
    with pytest.raises(Unavailable) as caught:
        locate(find_entry("bge-small-zh-v1.5", "encoder"), Settings(_env_file=None))
    assert "PILOTLIGHT_ALLOW_HUB" in str(caught.value)


def test_an_unfinished_download_is_not_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = find_entry("bge-small-zh-v1.5", "encoder")
    snapshot = tmp_path / "cache" / "models--BAAI--bge-small-zh-v1.5" / "snapshots" / entry.revision
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Unavailable):
        locate(entry, Settings(_env_file=None))
    (snapshot / "model.safetensors").write_bytes(b"")
    assert locate(entry, Settings(_env_file=None)).origin == "cache"


def test_without_a_configured_reranker_there_is_none() -> None:
    assert ModelHub(Settings(_env_file=None)).cross_encoder() is None
    with pytest.raises(Unavailable):
        load_cross_encoder(Settings(reranker="ms-marco-MiniLM-L6-v2", _env_file=None))


def test_device_explicit_before_environment_before_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_count", lambda: 1)
    assert device.choose_device() == "cuda"
    monkeypatch.setenv("PILOTLIGHT_DEVICE", "cpu")
    assert device.choose_device() == "cpu"
    assert device.choose_device("cuda:0") == "cuda:0"
    monkeypatch.setattr(device, "cuda_count", lambda: 0)
    monkeypatch.delenv("PILOTLIGHT_DEVICE")
    assert device.choose_device("auto") == "cpu"


def test_a_device_that_is_not_there_is_refused_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_count", lambda: 1)
    with pytest.raises(Unavailable, match="cuda:1"):
        device.choose_device("cuda:1")
    with pytest.raises(Unavailable, match="tpu"):
        device.choose_device("tpu")


def test_sixteen_threads_load_a_model_once() -> None:
    hub = ModelHub(Settings(_env_file=None))
    loads: list[int] = []
    start = threading.Barrier(16)

    def load() -> object:
        loads.append(1)
        time.sleep(0.05)
        return object()

    def ask(_: int) -> object:
        start.wait()
        return hub.once("model", load)

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(ask, range(16)))
    assert len(loads) == len(found) == 1


def test_a_failed_load_is_tried_again_and_eviction_forgets() -> None:
    hub = ModelHub(Settings(_env_file=None))

    def fail() -> object:
        raise Unavailable("models.not_here", name="x", hub_id="y", here="-")

    with pytest.raises(Unavailable):
        hub.once("model", fail)
    first = hub.once("model", object)
    assert hub.once("model", object) is first
    hub.evict("model")
    assert hub.once("model", object) is not first


def test_what_was_unused_longest_goes_when_memory_runs_out(tmp_path: Path) -> None:
    hub = ModelHub(Settings(models_memory_mb=100, _env_file=None))
    forever = hub.once("encoder", object)
    first = hub.once("first", object, size=40 * 2**20)
    hub.once("second", object, size=40 * 2**20)
    assert hub.once("first", object) is first  # used again: now the second is the oldest
    hub.once("third", object, size=40 * 2**20)
    assert list(hub.loaded()) == ["encoder", "first", "third"]
    huge = hub.once("huge", object, size=500 * 2**20)
    assert list(hub.loaded()) == ["encoder", "huge"]
    assert hub.once("huge", object) is huge
    assert hub.once("encoder", object) is forever


def test_a_folder_is_loaded_once_and_counts_its_weights(tmp_path: Path) -> None:
    hub = ModelHub(Settings(_env_file=None))
    (tmp_path / "model.safetensors").write_bytes(bytes(2000))
    (tmp_path / "card.md").write_bytes(bytes(9000))
    model = hub.from_folder(tmp_path, lambda folder: [folder])
    assert hub.from_folder(tmp_path, lambda folder: [folder]) is model
    assert list(hub.loaded().values()) == [3000]


class _NoSuchModel(BaseHTTPRequestHandler):
    """What the hub answers for a repository that is not there, or not for everybody."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import huggingface_hub.constants
    from huggingface_hub import hf_api

    server = ThreadingHTTPServer(("127.0.0.1", 0), _NoSuchModel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(hf_api.api, "endpoint", address)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_id_that_the_hub_does_not_know_says_so(hub_address: str, language: Any, tmp_path: Path) -> None:
    settings = Settings(allow_hub=True, data_dir=tmp_path, _env_file=None)
    with pytest.raises(Unavailable) as caught:
        locate(any_entry("nobody/no-such-model@v2", "encoder"), settings)
    assert caught.value.code == "models.not_on_hub"
    said = caught.value.sentence(language)
    assert "nobody/no-such-model" in said
    assert "v2" in said


def test_a_hub_out_of_reach_names_what_is_here_instead(
    hub_address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants
    from huggingface_hub import hf_api

    nobody = "http://127.0.0.1:9"  # the discard port: nothing listens there
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", nobody)
    monkeypatch.setattr(hf_api.api, "endpoint", nobody)
    for allowed, code in ((False, "models.not_here"), (True, "models.no_download")):
        settings = Settings(allow_hub=allowed, data_dir=tmp_path, _env_file=None)
        with pytest.raises(Unavailable) as caught:
            locate(any_entry("nobody/no-such-model", "encoder"), settings)
        assert caught.value.code == code
        assert "all-MiniLM-L6-v2" in caught.value.values["here"]
        assert "pilotlight-minilm-bilingual" in caught.value.values["here"]
