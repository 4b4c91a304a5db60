"""The C# and Java examples: they know the header's structs, and print what cart.c prints."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from native_tools import CC, DEMO, EXAMPLES, NATIVE, ROOT, succeeded

import ecg2lab

HEADER = (NATIVE / "include" / "ecg2lab.h").read_text()
JNA = Path(os.environ.get("JNA_JAR", "/usr/share/java/jna.jar"))
STRUCTS = (
    "Options", "Target", "Recording", "Patient", "Lead", "Fault", "Measured", "OperatingPoint", "Finding", "Imputed",
    "Result",
)  # fmt: skip
# How a file spells a struct of the header, and the header's types.
SPELLED = {
    "Ecg2Lab.cs": (
        r"public struct {}\s*{{(.*?)}}",
        {"UIntPtr": "size_t", "IntPtr": "pointer", "long": "int64_t", "Measured": "ecg2lab_measured"},
    ),
    "Ecg2Lab.java": (
        r"class {}Struct extends Structure {{(.*?)\n\s*(?:}}|\w+Struct\()",
        {"Size": "size_t", "Pointer": "pointer", "long": "int64_t", "MeasuredStruct": "ecg2lab_measured"},
    ),
}


def header_fields(struct):
    """Names and types of a struct of ecg2lab.h, in its order; a pointer is a pointer, whatever it points to."""
    plain = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    name = re.sub(r"(?<=.)([A-Z])", r"_\1", struct).lower()
    body = re.search(rf"typedef struct ecg2lab_{name} {{(.*?)}}", plain, re.DOTALL).group(1)
    types = {"int32_t": "int"}
    for declaration in body.split(";")[:-1]:
        kind, name = declaration.replace("*", "* ").strip().rsplit(maxsplit=1)
        yield name, "pointer" if "*" in kind or kind == "ecg2lab_log" else types.get(kind, kind)


def example_fields(file, struct):
    pattern, types = SPELLED[file]
    body = re.search(pattern.format(struct), (EXAMPLES / file).read_text(), re.DOTALL).group(1)
    for kind, names in re.findall(r"public (\w+) ([\w, ]+);", body):
        for name in names.split(","):
            yield name.strip(), types.get(kind, kind)


@pytest.mark.parametrize("struct", STRUCTS)
@pytest.mark.parametrize("file", SPELLED)
def test_the_structs_are_the_headers(file, struct):
    assert list(example_fields(file, struct)) == list(header_fields(struct))


def test_java_orders_its_fields_as_it_declares_them():
    text = (EXAMPLES / "Ecg2Lab.java").read_text()
    ordered = re.findall(r"@FieldOrder\(\{(.*?)\}\)\s*public static final class (\w+)Struct", text, re.DOTALL)
    assert {name for _, name in ordered} == set(STRUCTS)
    for fields, struct in ordered:
        assert re.findall(r'"(\w+)"', fields) == [name for name, _ in example_fields("Ecg2Lab.java", struct)]


@pytest.mark.parametrize("file", SPELLED)
def test_codes_and_version_are_the_headers(file):
    text = (EXAMPLES / file).read_text()
    version = re.search(r"#define ECG2LAB_ABI_VERSION (\d+)", HEADER).group(1)
    assert re.search(rf"A(?:bi|BI)_?V(?:ersion|ERSION) = {version};", text)
    units = dict(re.findall(r"ECG2LAB_(MICROVOLT|MILLIVOLT|VOLT) = (\d)", HEADER))
    assert units == {name.upper(): code for name, code in re.findall(r"(?i)\b(\w+volt)(?: = |\()(\d)", text)} | {
        "VOLT": re.search(r"(?i)\bvolt(?: = |\()(\d)", text).group(1)
    }
    for enum, pattern in (
        ("Verdict", r"ECG2LAB_LEAD_(\w+) = \d"),
        ("FindingVerdict", r"ECG2LAB_(NO_DECISION|FLAGGED|NOT_FLAGGED|UNSURE|OUTSIDE_EXPERIENCE) = \d"),
    ):
        listed = re.search(rf"enum {enum}\s*\{{(.*?)\}}", text).group(1)
        names = [name.strip().replace("_", "").upper() for name in listed.split(",")]
        assert names == [name.replace("_", "") for name in re.findall(pattern, HEADER)]


def test_the_documentation_shows_the_examples():
    """Each block of C# and Java is a part of an example, and its commands are those that the example names."""
    page = (ROOT / "docs" / "embedding.md").read_text()

    def bare(text):
        return [line.strip().removeprefix("//").strip() for line in text.strip().splitlines()]

    for language, file in (("csharp", "Cart.cs"), ("java", "Cart.java")):
        blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        assert blocks
        lines = bare((EXAMPLES / file).read_text())
        for block in map(bare, blocks):
            assert any(lines[i : i + len(block)] == block for i in range(len(lines)))
        commands = [line for line in lines if line.startswith(("mcs ", "LD_LIBRARY_PATH", "javac ", "java "))]
        assert len(commands) == 2
        assert "\n".join(commands) in page


@pytest.fixture(scope="module")
def c_cart(c_package, tmp_path_factory):
    out = tmp_path_factory.mktemp("c-cart") / "cart"
    flags = (f"-I{c_package}/include", f"-L{c_package}/lib", f"-Wl,-rpath,{c_package}/lib", "-lecg2lab")
    succeeded(CC, "-std=c99", EXAMPLES / "cart.c", *flags, "-o", out)
    return [out]


@pytest.fixture(scope="module")
def csharp_cart(tmp_path_factory):
    if not (shutil.which("mcs") and shutil.which("mono")):
        pytest.skip("no C# here (Debian: mono-mcs, mono-runtime)")
    out = tmp_path_factory.mktemp("csharp-cart") / "Cart.exe"
    succeeded("mcs", "-warnaserror", EXAMPLES / "Ecg2Lab.cs", EXAMPLES / "Cart.cs", f"-out:{out}")
    return ["mono", out]


@pytest.fixture(scope="module")
def java_cart(c_package, tmp_path_factory):
    if not (shutil.which("javac") and shutil.which("java") and JNA.exists()):
        pytest.skip("no Java with JNA here (Debian: default-jdk-headless, libjna-java)")
    out = tmp_path_factory.mktemp("java-cart")
    sources = (EXAMPLES / "Ecg2Lab.java", EXAMPLES / "Cart.java")
    succeeded("javac", "-Xlint:all", "-Werror", "-cp", JNA, "-d", out, *sources)
    return ["java", "-cp", f"{JNA}:{out}", f"-Djna.library.path={c_package}/lib", "Cart"]


@pytest.fixture(params=["csharp_cart", "java_cart"])
def other_cart(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def ask(c_package):
    """Runs a cart: exit status, what it printed, what it said on standard error."""
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{c_package}/lib", "LC_ALL": "C.UTF-8"}

    def run(cart, *arguments):
        done = subprocess.run([*map(str, cart), *map(str, arguments)], capture_output=True, env=environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


@pytest.mark.system
def test_another_language_gives_pythons_answer(
    other_cart, cart_answers, c_package, engine, decided, data_folder, tmp_path
):
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{c_package}/lib"}
    cart_answers.require_pythons_answer(other_cart, engine, data_folder, tmp_path, environment)
    with ecg2lab.load(decided, backend="native", threads=1) as deciding:
        cart_answers.require_pythons_answer(other_cart, deciding, data_folder, tmp_path, environment, decided)


def flat(samples):
    samples[3] = 0.25


def short(samples):
    samples[:, 200:] = float("nan")


@pytest.mark.system
@pytest.mark.parametrize("spoil", [None, flat, short])
def test_another_language_prints_every_byte_of_cart_c(
    c_cart, other_cart, ask, cart_answers, record, decided, tmp_path, spoil
):
    recording = ecg2lab.Recording(record.samples.copy(), fs=record.fs, leads=record.leads, unit="mV")
    if spoil is not None:
        spoil(recording.samples)
    cart_answers.write_csv(tmp_path / "record.csv", recording)
    for bundle in (DEMO, decided):
        expected = ask(c_cart, bundle, tmp_path / "record.csv")
        assert expected[0] == (0 if spoil is None else 1)
        assert ask(other_cart, bundle, tmp_path / "record.csv") == expected


@pytest.mark.system
def test_another_language_says_what_is_wrong_as_cart_c_does(c_cart, other_cart, ask, cart_answers, record, tmp_path):
    """A missing bundle and one whose name is not ASCII, a file that is not there, or not understood."""
    csv, odd, bundle = tmp_path / "record.csv", tmp_path / "odd.csv", tmp_path / "мodel ä.ecg2lab"
    cart_answers.write_csv(csv, record)
    odd.write_text("sampling_rate_hz,500\nI,II\n1,2\n1,x\n")
    for arguments, code in (
        ((bundle, csv), 1),
        ((DEMO, odd), 2),
        ((DEMO, tmp_path / "absent"), 2),
    ):
        expected = ask(c_cart, *arguments)
        assert expected[0] == code
        assert expected[2]
        assert ask(other_cart, *arguments) == expected
    assert ask(other_cart)[0] == 2
    shutil.copy(DEMO, bundle)
    assert ask(other_cart, bundle, csv) == ask(c_cart, bundle, csv)


UNEVEN = {
    "csharp": """
using System; using Ecg2Lab;
static class Uneven {
    static void Main(string[] path) {
        using (var model = new Model(path[0])) {
            try {
                var leads = new[] { "I", "II" };
                var recording = new Recording { Samples = new double[5001], Leads = leads, SamplingRateHz = 500 };
                recording.Unit = Unit.Millivolt;
                model.Predict(recording, new Patient());
            } catch (Ecg2LabException error) { Console.WriteLine(error.Status + ": " + error.Message); }
        }
    }
}
""",
    "java": """
public final class Uneven {
  public static void main(String[] path) {
    try (Ecg2Lab.Model model = new Ecg2Lab.Model(path[0])) {
      Ecg2Lab.Recording recording = new Ecg2Lab.Recording();
      recording.samples = new double[5001];
      recording.leads = new String[] {"I", "II"};
      recording.samplingRateHz = 500;
      recording.unit = Ecg2Lab.Unit.MILLIVOLT;
      model.predict(recording, new Ecg2Lab.Patient());
    } catch (Ecg2Lab.Ecg2LabException error) {
      System.out.println(error.status + ": " + error.getMessage());
    }
  }
}
""",
}


@pytest.mark.system
@pytest.mark.parametrize("language", UNEVEN)
def test_another_language_refuses_samples_that_are_not_as_many_for_each_lead(language, c_package, ask, tmp_path):
    if language == "csharp":
        if not (shutil.which("mcs") and shutil.which("mono")):
            pytest.skip("no C# here (Debian: mono-mcs, mono-runtime)")
        (tmp_path / "Uneven.cs").write_text(UNEVEN[language])
        succeeded("mcs", EXAMPLES / "Ecg2Lab.cs", tmp_path / "Uneven.cs", f"-out:{tmp_path}/Uneven.exe")
        command = ["mono", tmp_path / "Uneven.exe"]
    else:
        if not (shutil.which("javac") and shutil.which("java") and JNA.exists()):
            pytest.skip("no Java with JNA here (Debian: default-jdk-headless, libjna-java)")
        (tmp_path / "Uneven.java").write_text(UNEVEN[language])
        succeeded("javac", "-cp", JNA, "-d", tmp_path, EXAMPLES / "Ecg2Lab.java", tmp_path / "Uneven.java")
        command = ["java", "-cp", f"{JNA}:{tmp_path}", f"-Djna.library.path={c_package}/lib", "Uneven"]
    said = ask(command, DEMO)
    assert said == (0, "ECG2LAB_ERROR_ARGUMENT: 5001 samples are not as many for each of 2 leads\n", "")
