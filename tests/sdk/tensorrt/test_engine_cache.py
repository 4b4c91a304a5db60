"""The engine cache: what is found, what is refused, who may write; nothing here needs TensorRT."""

import errno
import os
import subprocess
import sys
import textwrap

import msgspec
import pytest

from ecg2lab.backends.tensorrt import cache as engine_cache
from ecg2lab.backends.tensorrt.cache import EngineCache, cache_folder
from ecg2lab.backends.tensorrt.record import Batch, EngineKey, EngineRecord
from ecg2lab.bundle import Digest
from ecg2lab.errors import BackendError, OutputError

KEY = EngineKey(
    model="ab" * 32,
    precision="fp32",
    compute_capability="8.7",
    gpu="Orin",
    package="tensorrt",
    package_version="10.3.0",
    ecg2lab_version="0.1.0",
    batch=Batch(1, 1, 4),
)
PLAN = b"a plan" * 1000


def changed(**fields):
    return msgspec.structs.replace(KEY, **fields)


def record(key=KEY, plan=PLAN):
    return EngineRecord(
        key=key,
        plan=Digest.of(plan),
        graph_sha256="0" * 64,
        workspace_mb=256,
        seconds=1.0,
        built="2026-01-01T00:00:00+00:00",
        golden_error=None,
        summary=None,
    )


def record_of(stored):
    return stored.path.with_name(stored.path.name.split(".")[0] + ".json")


@pytest.fixture
def cache():
    return EngineCache()


@pytest.fixture
def stored(cache):
    return cache.store(record(), PLAN)


def test_what_was_stored_is_found_and_loaded(cache, stored):
    assert cache.find([KEY], "m") == stored
    assert cache.exact(KEY) == stored
    assert cache.load(stored) == PLAN


def test_only_its_owner_may_touch_the_cache(cache, stored):
    for path in (stored.path, record_of(stored)):
        assert path.stat().st_mode & 0o777 == 0o600
    for folder in (cache.folder, cache.folder / "engines", stored.path.parent):
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("field", ["precision", "compute_capability", "gpu", "package", "package_version"])
def test_every_part_of_the_key_counts_and_is_named(cache, stored, field):
    with pytest.raises(BackendError, match=r"built for .*here is another.*: run `ecg2lab build`"):
        cache.find([changed(**{field: "another"})], "m.ecg2lab")
    assert cache.exact(changed(**{field: "another"})) is None


def test_another_model_has_no_engine(cache, stored):
    with pytest.raises(BackendError, match="no engine has been built for m here: run `ecg2lab build`"):
        cache.find([changed(model="cd" * 32)], "m")


def test_an_engine_built_ahead_of_time_serves_every_gpu_of_its_kind(cache):
    ahead = cache.store(record(changed(gpu=None, package="tensorrt_rtx")), PLAN)
    here = [changed(package="tensorrt_rtx"), changed(package="tensorrt_rtx", gpu=None)]
    assert cache.find(here, "m") == ahead
    wrong = [msgspec.structs.replace(key, compute_capability="8.9") for key in here]
    with pytest.raises(BackendError, match=r"built for compute capability 8\.7, here is 8\.9: run"):
        cache.find(wrong, "m")


def test_a_rebuilt_engine_replaces_the_old_one_and_what_belongs_to_it(cache, stored):
    cache.write_kernels(stored, b"kernels")
    again = cache.store(record(plan=b"another"), b"another")
    assert cache.load(cache.find([KEY], "m")) == b"another"
    assert sorted(again.path.parent.iterdir()) == sorted([again.path, record_of(again)])
    assert cache.read_kernels(again) == b""


def test_distinct_keys_have_distinct_files():
    keys = [KEY, changed(gpu=None), changed(batch=Batch(1, 1, 8)), changed(precision="fp16"), changed(model="cd" * 32)]
    assert len({key.digest for key in keys}) == len(keys)


def test_a_plan_cut_short_or_exchanged_is_refused_and_built_anew(cache, stored):
    for content in (PLAN[:-1], b"", PLAN[:-1] + b"!"):
        stored.path.write_bytes(content)
        with pytest.raises(BackendError, match="damaged or was cut short"):
            cache.load(stored)
        assert cache.exact(KEY) is None
    stored.path.unlink()
    with pytest.raises(BackendError, match="is missing"):
        cache.load(stored)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"key": 3}', b"[" * 10_000])
def test_a_record_that_is_none_is_refused(cache, stored, content):
    record_of(stored).write_bytes(content)
    with pytest.raises(BackendError, match="no record of an engine"):
        cache.find([KEY], "m")
    assert cache.exact(KEY) is None


def test_a_bad_record_does_not_stand_in_the_way_of_a_good_one(cache, stored):
    (stored.path.parent / "0.json").write_bytes(b"rubbish")
    assert cache.find([KEY], "m") == stored


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners and modes on this system")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("which", [lambda stored: stored.path, record_of])
def test_a_file_that_others_may_write_is_refused(cache, stored, mode, which):
    which(stored).chmod(mode)
    with pytest.raises(BackendError, match="can be written by others, and an engine is a program"):
        cache.load(cache.find([KEY], "m"))


def test_a_folder_that_others_may_write_is_refused(cache, stored):
    stored.path.parent.chmod(0o777)
    with pytest.raises(BackendError, match="can be written by others"):
        cache.load(stored)


def test_a_file_of_another_user_is_refused(cache, stored, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    if stored.path.stat().st_uid == 0:  # root may always write, so its files are as good as one's own
        os.chown(stored.path, 54321, -1)
    with pytest.raises(BackendError, match=r"another user|cannot read"):
        cache.load(stored)


def test_a_link_is_not_followed(cache, stored, tmp_path):
    elsewhere = tmp_path / "elsewhere.plan"
    elsewhere.write_bytes(PLAN)
    stored.path.unlink()
    stored.path.symlink_to(elsewhere)
    with pytest.raises(BackendError, match="cannot read"):
        cache.load(stored)


def test_a_full_disk_is_named_and_leaves_no_engine(cache, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        cache.store(record(), PLAN)
    monkeypatch.undo()
    assert [p for p in cache.folder.rglob("*") if p.is_file()] == []


def test_a_cache_that_cannot_be_written_is_named_before_the_build(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ECG2LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match="cannot write the engine cache .*ECG2LAB_CACHE names another"):
        EngineCache().lock(KEY, lambda: None)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ECG2LAB_CACHE": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/ecg2lab"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/ecg2lab"),
        ({"HOME": "/h"}, "/h/.cache/ecg2lab"),
    ],
)
def test_where_the_cache_is(monkeypatch, environment, expected):
    for name in ("ECG2LAB_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert str(cache_folder()) == expected


def test_a_relative_cache_is_refused(monkeypatch):
    monkeypatch.setenv("ECG2LAB_CACHE", "here")
    with pytest.raises(OutputError, match="must be an absolute path"):
        cache_folder()


@pytest.mark.slow
def test_of_two_processes_one_builds_and_the_other_uses_it(tmp_path):
    """Both want the same engine at once; a build appends a line to a file and lasts until it is told to end."""
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        import msgspec
        from ecg2lab.backends.tensorrt.cache import EngineCache
        from ecg2lab.backends.tensorrt.record import EngineRecord
        record = msgspec.json.decode(sys.argv[1], type=EngineRecord)
        cache = EngineCache()
        with cache.lock(record.key, lambda: print("waits", flush=True)):
            if cache.exact(record.key) is None:
                with Path(sys.argv[2]).open("a") as builds:
                    builds.write("built\\n")
                print("builds", flush=True)
                sys.stdin.readline()
                cache.store(record, b"a plan" * 1000)
        print(len(cache.load(cache.find([record.key], "m"))))
    """)
    command = [sys.executable, "-c", code, msgspec.json.encode(record()).decode(), str(tmp_path / "builds")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:
        assert first.stdout.readline() == "builds\n"
        with subprocess.Popen(command, **pipes) as second:
            assert second.stdout.readline() == "waits\n"
            assert first.communicate("end\n", timeout=60)[0] == "6000\n"
            assert second.communicate(timeout=60)[0] == "6000\n"
    assert (tmp_path / "builds").read_text() == "built\n"


def test_the_lock_dies_with_its_holder(cache):
    code = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from ecg2lab.system.file_lock import file_lock
        with file_lock(Path(sys.argv[1])):
            os.kill(os.getpid(), 9)
    """)
    path = cache.folder.parent / "x.lock"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    waited = []
    with engine_cache.file_lock(path, lambda: waited.append(1)):
        assert waited == []


def test_measured_times_of_others_are_not_read(cache):
    cache.write_timing("tensorrt-10.3.0-Orin (Nano)", b"times")
    assert cache.read_timing("tensorrt-10.3.0-Orin (Nano)") == b"times"
    assert cache.read_timing("tensorrt-10.7.0-Orin") == b""
    (file,) = (cache.folder / "timing").iterdir()
    assert file.name == "tensorrt-10.3.0-Orin-Nano-.bin"
    file.chmod(0o666)
    assert cache.read_timing("tensorrt-10.3.0-Orin (Nano)") == b""
