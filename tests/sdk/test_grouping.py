"""Which files make a recording together: nothing is lost, and headers that name each other end."""

import pytest

from ecg2lab.readers.grouping import every_file, groups, parts_of

FILES = {
    # A record of two segments behind a layout, as MIMIC's waveforms are.
    "whole.hea": "whole/3 1 125 250\nlayout 0\npart 125\n~ 125\n",
    "layout.hea": "layout 1 125 0\n~ 0 1/mV 0 0 0 0 0 II\n",
    "part.hea": "part 1 125 125\npart.dat 16 1/mV 16 0 0 0 0 II\n",
    "part.dat": "",
    "single.hea": "single 1 125 125\nsingle.dat 16 1/mV 16 0 0 0 0 II\n",
    "single.dat": "",
    "orphan.dat": "",
    "late.hea": "late 1 125 125\nlate.dat 16 1/mV 16 0 0 0 0 II\n",
    "note.txt": "",
    "no.hea": "not a header",
}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def test_a_record_of_segments_is_whole_once_all_of_it_is_there(folder):
    """A layout, and a gap, are called ~ and wait for nothing."""
    whole = ["whole.hea", "layout.hea", "part.dat", "part.hea"]
    assert parts_of(folder, "whole.hea") == set(whole[1:])
    together = groups(folder, set(FILES))
    assert whole in together
    assert ["single.hea", "single.dat"] in together
    assert not [group for group in together if {"late.hea", "orphan.dat"} & set(group)]
    assert whole not in groups(folder, set(FILES) - {"part.dat"})


def test_of_an_archive_every_file_is_in_a_group(folder):
    listed = list(every_file(folder, set(FILES)))
    assert sorted(name for group in listed for name in group) == sorted(FILES)
    assert [group[0] for group in listed] == sorted(
        ["whole.hea", "single.hea", "orphan.dat", "late.hea", "note.txt", "no.hea"]
    )


@pytest.mark.parametrize(
    "records",
    [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}, {"a": "../a"}, {"a": "/etc/passwd"}],
    ids=["itself", "each other", "in a circle", "another folder", "a path"],
)
def test_headers_that_name_each_other_end(tmp_path, records):
    for name, segment in records.items():
        (tmp_path / f"{name}.hea").write_text(f"{name}/1 1 125 125\n{segment} 125\n")
    names = {f"{name}.hea" for name in records}
    groups(tmp_path, names)
    assert sorted(name for group in every_file(tmp_path, names) for name in group) == sorted(names)
