"""Archives and JSON from outside: what is unsafe is refused with a stable code, what is long is streamed."""

import gzip
import io
import json
import stat
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.archive import FileError, open_archive, read_bytes
from connectors.bounded_json import json_document, json_items, unique


@pytest.fixture
def zipped(tmp_path):
    """Write a zip file from entries: (name or ZipInfo, bytes)."""

    def write(*entries, method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in entries:
                archive.writestr(name, data)
        return path

    return write


def code_of(call):
    with pytest.raises(FileError) as caught:
        call()
    return caught.value.code


def read_all(path):
    with open_archive(path) as archive:
        for name in archive.names:
            with archive.open(name) as stream:
                stream.read()


def test_a_plain_zip_and_its_folder_hold_the_same_files(zipped, tmp_path):
    path = zipped(("b/c.json", b"[1]"), ("a.json", b"{}"))
    folder = tmp_path / "folder"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    with open_archive(path) as one, open_archive(folder) as other:
        assert one.names == other.names == ("a.json", "b/c.json")
        assert one.size("b/c.json") == other.size("b/c.json") == 3
        assert one.read("b/c.json") == other.read("b/c.json") == b"[1]"
        with one.open("b/c.json") as stream:
            assert stream.read() == b"[1]"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:/x", "C:\\x", "a\\b", "a\x01b"])
def test_names_that_lead_outside_are_refused(zipped, name):
    assert code_of(lambda: read_all(zipped((zipfile.ZipInfo(name), b"x")))) == "zip_name"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_are_refused(zipped, kind):
    entry = zipfile.ZipInfo("x")
    entry.external_attr = (kind | 0o644) << 16
    assert code_of(lambda: read_all(zipped((entry, b"/etc/passwd")))) == "zip_special"


def test_a_bomb_is_refused_by_its_declared_ratio(zipped):
    assert code_of(lambda: read_all(zipped(("x.json", bytes(50 * 2**20))))) == "zip_ratio"


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_streams(zipped):
    path = zipped(("x.json", bytes(20 * 2**20)))
    data = bytearray(path.read_bytes())
    central = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 1000)
    struct.pack_into("<I", data, 22, 1000)
    path.write_bytes(data)
    tracemalloc.start()
    try:
        assert code_of(lambda: read_all(path)) == "compressed_broken"
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_an_encrypted_entry_is_refused(zipped):
    path = zipped(("x.json", b"secret"))
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert code_of(lambda: read_all(path)) == "zip_encrypted"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(zipped):
    assert code_of(lambda: read_all(zipped(("x", b"1"), ("x", b"2")))) == "zip_duplicate"


def test_overlapping_entries_are_refused(zipped):
    path = zipped(("x", b"1" * 100), ("y", b"2" * 100), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\x01\x02") + 42, 0)
    path.write_bytes(data)
    assert code_of(lambda: read_all(path)) == "zip_overlap"


def test_an_entry_whose_own_header_differs_is_refused(zipped):
    path = zipped(("x.json", b"1" * 100), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 22, 99)
    path.write_bytes(data)
    assert code_of(lambda: read_all(path)) == "zip_header"
    struct.pack_into("<I", data, 22, 100)
    data[30:36] = b"y.json"
    path.write_bytes(data)
    assert code_of(lambda: read_all(path)) == "zip_header"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data, central: struct.pack_into("<I", data, 22, 99), "zip_header"),
        (lambda data, central: data.__setitem__(slice(30, 36), b"y.json"), "zip_header"),
        (lambda data, central: data.__setitem__(slice(60, 70), bytes(10)), "compressed_broken"),
        (lambda data, central: [struct.pack_into("<I", data, at, 7) for at in (central + 24, 22)], "compressed_broken"),
        (lambda data, central: [struct.pack_into("<I", data, at, 7) for at in (central + 16, 14)], "compressed_broken"),
    ],
    ids=["size", "name", "data", "bomb", "checksum"],
)
def test_an_entry_read_whole_is_refused_for_the_same_reasons(zipped, damage, code):
    content = json.dumps(list(range(1000))).encode()
    path = zipped(("x.json", content))
    with open_archive(path) as archive:
        assert archive.read("x.json") == content
    data = bytearray(path.read_bytes())
    damage(data, data.rfind(b"PK\x01\x02"))
    path.write_bytes(data)
    with open_archive(path) as archive:
        assert code_of(lambda: archive.read("x.json")) == code


def test_an_archive_in_an_archive_is_refused_but_not_among_uploads_that_nobody_opens(zipped):
    assert code_of(lambda: read_all(zipped(("c/inner.zip", b"x")))) == "zip_nested"
    with open_archive(zipped(("__uploads/F1/inner.zip", b"x"), ("a.json", b"[]"))) as archive:
        assert "a.json" in archive.names


def test_other_methods_than_deflate_are_refused(zipped):
    assert code_of(lambda: read_all(zipped(("x", b"1"), method=zipfile.ZIP_BZIP2))) == "zip_method"


@pytest.mark.parametrize("cut", [0, 10, -10, -30])
def test_a_truncated_zip_is_refused(zipped, cut):
    path = zipped(("x", b"1" * 1000))
    path.write_bytes(path.read_bytes()[:cut])
    assert code_of(lambda: read_all(path)) == "zip_broken"


def test_too_many_entries_are_refused_before_they_are_listed(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, 200 * 2**20, 0, 0))
    assert code_of(lambda: read_all(path)) == "too_many_entries"


def test_damaged_data_is_a_typed_error(zipped):
    path = zipped(("x", json.dumps(list(range(1000))).encode()))
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    path.write_bytes(data)
    assert code_of(lambda: read_all(path)) == "compressed_broken"


def test_links_inside_a_folder_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text("[]")
    (tmp_path / "in" / "b.json").symlink_to("/etc/passwd")
    with open_archive(tmp_path / "in") as folder:
        assert folder.names == ("a.json",)


def test_a_gzip_bomb_is_stopped_and_a_truncated_one_is_a_typed_error(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(bytes(200 * 2**20)))
    with read_bytes(path) as stream:
        tracemalloc.start()
        try:
            assert code_of(lambda: [stream.read(2**16) and None for _ in range(10_000)]) == "too_large"
            assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
        finally:
            tracemalloc.stop()
    path.write_bytes(gzip.compress(b"a,b\n" * 1000)[:-20])
    with read_bytes(path) as stream:
        assert code_of(stream.read) == "compressed_broken"


def items(text, hook=unique):
    return list(json_items(io.BytesIO(text if isinstance(text, bytes) else text.encode()), hook))


def test_an_array_is_streamed_item_by_item_in_bounded_memory():
    message = json.dumps({"ts": "1", "text": "x" * 1000}).encode()

    class Endless(io.RawIOBase):
        sent = 0

        def read(self, size=-1):
            self.sent += 1
            return b"[" + message if self.sent == 1 else (b"," + message) * 500

    stream = json_items(Endless(), unique)
    tracemalloc.start()
    try:
        assert sum(len(next(stream)["text"]) for _ in range(50_000)) == 50_000_000
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    finally:
        tracemalloc.stop()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(VALUES), st.booleans())
def test_streaming_reads_what_the_standard_library_reads(document, pretty):
    text = json.dumps(document, indent=1 if pretty else None, ensure_ascii=pretty).encode()
    assert items(text) == json.loads(text)


def nested(depth):
    return b"[" + b'{"a":' * (depth - 1) + b"1" + b"}" * (depth - 1) + b"]"


def test_nesting_is_allowed_to_depth_64_and_no_further():
    assert items(nested(64))
    assert code_of(lambda: items(nested(65))) == "json_depth"
    assert items(b'[{"a": "' + b"[{" * 5000 + b'"}]')  # brackets inside a string are no nesting


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[" + b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_nesting_of_depth_100000_neither_recurses_nor_crashes(text):
    assert code_of(lambda: items(text)) in ("json_depth", "json_syntax")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'[{"a":1,"a":2}]', "json_duplicate_key"),
        (b'[{"a":{"b":1,"b":1}}]', "json_duplicate_key"),
        (b'[{"a":NaN}]', "json_constant"),
        (b'[{"a":-Infinity}]', "json_constant"),
        (b'[{"a":9223372036854775809}]', "json_integer"),
        (b'[{"a":' + b"9" * 5000 + b"}]", "json_integer"),
        (b'[{"a":"' + b"x" * (2**20 + 1) + b'"}]', "json_string"),
        (b'[{"a":1}', "json_syntax"),
        (b'[{"a":1} {"a":2}]', "json_syntax"),
        (b'[{"a":1},]', "json_syntax"),
        (b'[{"a"', "json_syntax"),
        (b'{"a":1}', "json_syntax"),
        (b"", "json_syntax"),
        (b'["\xff"]', "json_encoding"),
        ("[1]".encode("utf-16"), "json_encoding"),
    ],
)
def test_json_beyond_its_bounds_is_refused_by_code(text, code):
    assert code_of(lambda: items(text)) == code


def test_an_item_larger_than_its_bound_is_refused_before_it_is_held_whole():
    endless = io.BufferedReader(io.BytesIO(b'["' + b"x" * (40 * 2**20)))
    assert code_of(lambda: list(json_items(endless, unique))) == "json_syntax"


def test_a_document_is_read_whole_and_may_begin_with_a_mark():
    assert json_document(io.BytesIO(b'\xef\xbb\xbf {"a": [1, 2]} ')) == {"a": [1, 2]}


def test_zlib_is_what_the_gzip_bound_guards():
    assert len(zlib.compress(bytes(2**20))) * 100 < 2**20
