"""The C# and Java bindings: made from the header, laid out as C does, with the same answers to the same questions."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from native_tools import CC, DEMO, EXAMPLES, NATIVE, ROOT, completed, succeeded
from safetensors.numpy import load, save

import assembly
import c_header
import ecg2lab
import jar
from ecg2lab import bundle as bundles
from ecg2lab.bundle import GOLDEN, Bundle
from words import pascal

PROGRAMS = Path(__file__).with_name("bindings")
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]


def test_what_is_generated_is_what_the_header_says():
    generator = NATIVE / "bindings" / "generator"
    done = completed(sys.executable, generator, "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("int32_t new_code;", "the comment of finding.new_code does not begin with its enumeration"),
        ("const float* numbers;", "finding.numbers is of a kind that answers.py does not tell"),
    ],
)
def test_a_field_that_no_binding_can_name_is_refused(tmp_path, field, complaint):
    """A number without its enumeration would reach programs as a bare number."""
    from answers import answer_structs

    text = c_header.HEADER.read_text()
    changed = tmp_path / "ecg2lab.h"
    changed.write_text(
        text.replace("typedef struct ecg2lab_finding {", f"typedef struct ecg2lab_finding {{\n  {field}")
    )
    with pytest.raises(SystemExit, match=re.escape(complaint)):
        answer_structs(c_header.read_header(changed))


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


def need(missing):
    if missing:
        pytest.skip(f"not here: {missing}")


class Language:
    """How programs of one language are compiled against its binding, and run with the C library."""

    def __init__(self, out, c_package):
        self.out, self.c_package = out, c_package


class CSharp(Language):
    """For .NET Framework, run by Mono."""

    def __init__(self, out, c_package):
        super().__init__(out, c_package)
        need(assembly.missing_tool())
        assembly.compile_assembly(out, "net472")

    def program(self, source):
        made = self.out / f"{source.stem}.exe"
        succeeded("mcs", "-warnaserror", f"{source}.cs", f"-r:{self.out}/Ecg2Lab.dll", f"-out:{made}")
        return ["mono", made]

    def layouts(self):
        made = self.out / "Layouts.exe"
        succeeded("mcs", PROGRAMS / "Layouts.cs", *assembly.SOURCES.rglob("*.cs"), f"-out:{made}")
        return ["mono", made]


class DotNet(CSharp):
    """For .NET Standard, run by .NET Core."""

    def __init__(self, out, c_package):
        Language.__init__(self, out, c_package)
        need(assembly.missing_tool())
        found = importlib.util.find_spec("dotnetcore2")
        need(None if found else ".NET Core (PyPI: dotnetcore2)")
        self.dotnet = Path(found.origin).parent / "bin" / "dotnet"
        assembly.compile_assembly(out, "netstandard2.0")

    def program(self, source):
        made = self.out / f"{source.stem}.exe"
        references = (f"-r:{self.out}/Ecg2Lab.dll", f"-r:{assembly.STANDARD}")
        succeeded("mcs", "-warnaserror", f"{source}.cs", *references, f"-out:{made}")
        configuration = {
            "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
            "configProperties": {"System.Globalization.Invariant": True},
        }
        beside = made.with_suffix(".runtimeconfig.json")
        beside.write_text(json.dumps({"runtimeOptions": configuration}))
        return [self.dotnet, "exec", "--runtimeconfig", beside, made]


class Java(Language):
    def __init__(self, out, c_package):
        super().__init__(out, c_package)
        need(jar.missing_tool())
        jar.compile_classes(out / "binding")
        (out / "programs").mkdir()
        self.path = f"{jar.JNA}:{out}/binding:{out}/programs"

    def program(self, source):
        options = ("--release", "8", "-Xlint:all,-options", "-Werror", "-cp", self.path)
        succeeded("javac", *options, "-d", self.out / "programs", f"{source}.java")
        return ["java", "-cp", self.path, f"-Djna.library.path={self.c_package}/lib", source.name]

    def layouts(self):
        return self.program(PROGRAMS / "Layouts")


@pytest.fixture(scope="module", params=[CSharp, DotNet, Java], ids=["C# in Mono", "C# in .NET Core", "Java"])
def language(request, c_package, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("language"), c_package)


@pytest.fixture(scope="module")
def c_cart(c_package, tmp_path_factory):
    out = tmp_path_factory.mktemp("c-cart") / "cart"
    flags = (f"-I{c_package}/include", f"-L{c_package}/lib", f"-Wl,-rpath,{c_package}/lib", "-lecg2lab")
    succeeded(CC, "-std=c99", EXAMPLES / "cart.c", *flags, "-o", out)
    return [out]


@pytest.fixture(scope="module")
def other_cart(language):
    return language.program(EXAMPLES / "Cart")


@pytest.fixture(scope="module")
def environment(c_package):
    return {**os.environ, "LD_LIBRARY_PATH": f"{c_package}/lib", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def ask(environment):
    """Runs a cart: exit status, what it printed, what it said on standard error."""

    def run(cart, *arguments):
        done = subprocess.run([*map(str, cart), *map(str, arguments)], capture_output=True, env=environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


@pytest.fixture(scope="module")
def c_layouts(c_package, tmp_path_factory):
    """What the C compiler says of every struct of the header."""
    folder = tmp_path_factory.mktemp("layouts")
    lines = ["#include <ecg2lab.h>", "#include <stdio.h>", "int main(void) {"]
    for struct in c_header.read_header().structs.values():
        if struct.fields:
            c_name, name = f"ecg2lab_{struct.name}", pascal(struct.name)
            lines.append(f'printf("{name} %zu\\n", sizeof({c_name}));')
            fields = (field.name for field in struct.fields)
            lines += [f'printf("{name}.{field} %zu\\n", offsetof({c_name}, {field}));' for field in fields]
    (folder / "layouts.c").write_text("\n".join([*lines, "return 0; }"]))
    succeeded(CC, "-std=c99", folder / "layouts.c", f"-I{c_package}/include", "-o", folder / "layouts")
    return set(succeeded(folder / "layouts").splitlines())


@pytest.mark.system
def test_structs_are_laid_out_as_the_c_compiler_does(language, c_layouts, environment):
    if isinstance(language, DotNet):
        pytest.skip("the same source as in Mono")
    assert set(succeeded(*language.layouts(), env=environment).splitlines()) == c_layouts


@pytest.mark.system
def test_another_language_gives_pythons_answer(
    other_cart, cart_answers, environment, engine, decided, data_folder, tmp_path
):
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


@pytest.fixture(scope="module")
def counts(record, tmp_path_factory):
    """The record as 16-bit microvolt, in memory and as the file that the programs read."""
    whole = np.rint(record.samples * 1000).astype(np.int16)
    path = tmp_path_factory.mktemp("counts") / "ecg.i16"
    path.write_bytes(whole.tobytes())
    return whole, path


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A bundle with a golden window that no device computes."""
    opened = Bundle.open(DEMO)
    tensors = {name: array.copy() for name, array in load(bytes(opened.member(GOLDEN))).items()}
    tensors["logits"][-1, -1] += 1e-3
    path = tmp_path_factory.mktemp("wrong") / "model.ecg2lab"
    members = {name: opened.member(name) for name in opened.manifest.members}
    bundles.write(path, opened.manifest, members | {GOLDEN: save(tensors)})
    return path


@pytest.fixture(scope="module")
def said(language, counts, wrong, environment):
    """What the program of `bindings/` prints, by what stands before the colon."""
    done = completed(*language.program(PROGRAMS / "Behaviours"), DEMO, counts[1], wrong, env=environment)
    assert done.returncode == 0, done.stderr
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    found = {}
    for name, _, value in lines:
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def native():
    with ecg2lab.load(DEMO, backend="native", threads=1) as loaded:
        yield loaded


def microvolts(samples):
    return ecg2lab.Recording(samples, fs=500, leads=LEADS, unit="uV")


def first(prediction):
    return pytest.approx(prediction.findings[0].probability, abs=2e-7)  # printed to seven digits


@pytest.mark.system
def test_samples_of_every_type_and_layout(said, native, counts):
    expected = first(native.predict(microvolts(counts[0])))
    for name in ("int16", "int32", "float", "double", "interleaved"):
        assert float(said[name][0]) == expected
    coarse = (np.fix(counts[0] / 5)).astype(np.int16) * 5  # counts of 5 microvolt
    assert float(said["counts"][0]) == first(native.predict(microvolts(coarse)))
    assert said["missing"] == ["1"]
    patient = ecg2lab.Patient(age=63, sex="female", spo2_percent=97)
    assert float(said["patient"][0]) == first(native.predict(microvolts(counts[0]), patient))


@pytest.mark.system
def test_mistakes_are_refused_before_memory_is_read(said):
    assert said["one too few"] == ["argument: 59999 samples are not the same number for each of 12 leads"]
    assert said["other type"][0].startswith("argument: the stream was opened for samples of another type than ")
    assert said["part of a sample"] == ["argument: 13 samples are not the same number for each of 12 leads"]
    assert said["zero in a text"] == ["argument: a text that is handed to ecg2lab has a zero character"]
    assert said["no unit"] == ["ECG2LAB_ERROR_ARGUMENT: recording: unit is not set"]
    assert said["two gains"] == ["ECG2LAB_ERROR_ARGUMENT: recording: gain_count must be 1 or lead_count"]
    assert said["no leads"][0].startswith("ECG2LAB_ERROR_ARGUMENT: ")
    assert said["age"] == ["ECG2LAB_ERROR_PATIENT: age is outside 0 to 120 y"]
    assert said["no bundle"] == ["ECG2LAB_ERROR_BUNDLE: there is no bundle at absent.ecg2lab"]
    assert said["threads"][0].startswith("ECG2LAB_ERROR_")
    assert said["no bytes"][0].startswith("ECG2LAB_ERROR_BUNDLE: ")
    assert said["unknown target"] == ["ECG2LAB_ERROR_ARGUMENT: explain: the model has no target nonsense"]


@pytest.mark.system
def test_answers_are_whole(said, native, counts):
    """The JSON is Python's; fields of each kind (text, number, flag, code, list) are what the description says."""
    document = json.loads(said["json"][0])
    prediction = native.predict(microvolts(counts[0]))
    assert [one["target"] for one in document["findings"]] == [one.target for one in prediction.findings]
    assert said["source"] == ["order=Ä 7"]
    assert said["quality"] == ["accepted accepted"]
    assert said["target"] == ["albumin_low_now 60"]
    assert said["imputed"][0].split() == list(prediction.patient.imputed)
    assert said["lead"][0].startswith("I 0.")
    assert said["described"] == [f"{native.contract.name} 12 {len(native.contract.targets)} 250 synthetic"]
    assert said["words"] == ["female male"]


@pytest.mark.system
def test_a_refusal_says_which_electrodes_and_why(said):
    assert said["refused"] == ["ECG2LAB_ERROR_QUALITY FLAT"]
    assert said["sentence"] == ["lead aVR flat: every sample is the same; check the electrodes and record again"]
    assert "flat aVR" in said["fault"]
    assert said["electrodes"] == ["aVR"]
    assert said["no findings"] == ["0"]


@pytest.mark.system
def test_quality_alone(said):
    assert said["judged"] == ["ECG2LAB_ERROR_QUALITY refused aVR flat 0", "ECG2LAB_OK accepted  0"]


@pytest.mark.system
def test_messages_have_codes_and_parameters(said):
    """The words follow from pattern and parameters; one message for each thing that is wrong."""
    assert said["message"] == [f"refusal.constant {said['sentence'][0]}"]
    assert said["said"] == ["fault.constant lead aVR flat: every sample is the same"]
    assert said["of facts"][0] == "patient.out_of_range age is outside 0 to 120 y"
    assert said["uncoded"] == ["other there is no bundle at absent.ecg2lab"]
    assert said["reason"] == [
        "decision.facts_either no operating point holds with 12 facts missing, "
        "only with 4 at most or with age and sex alone"
    ]


@pytest.mark.system
def test_codes_and_messages_can_be_enumerated(said):
    """The codes are those of the header, the messages those of the core's table."""
    enumerations = c_header.read_header().enumerations
    for code in enumerations["enumeration"].codes:
        name = "fault_code" if code.name == "FAULT" else code.name.lower()
        numbers = [int(line.split()[0]) for line in said[f"codes {code.value}"]]
        assert numbers == [one.value for one in enumerations[name].codes]
    assert said["codes 0"][9] == "9 ECG2LAB_ERROR_DEADLINE 4 3"
    assert said["no codes"] == ["0"]
    assert "recording.missing_lead leads recorded" in said["to translate"]
    assert len(said["to translate"]) > 50


@pytest.mark.system
def test_a_model_in_memory_and_its_selftest(said):
    assert said["from bytes"] == said["int16"]
    assert said["from a stream"] == [f"{said['int16'][0]} True"]
    passed, windows, within = said["selftest"][0].split()
    assert (passed, within) == ("True", "True")
    assert int(windows) > 0
    assert said["failed selftest"][0].startswith(
        "ECG2LAB_ERROR_BACKEND selftest.failed this device does not compute the model right: its logits are off by "
    )
    assert said["checks"][0].startswith("False ")
    assert int(said["checks"][0].split()[1]) > 0


@pytest.mark.system
def test_an_explanation_is_pythons(said, native, counts):
    targets = [native.contract.targets[i].name for i in (3, 0)]
    patient = ecg2lab.Patient(age=63, sex="female")
    expected = native.explain(microvolts(counts[0]), patient, targets, segment_s=0.5)
    for line, facts, python in zip(said["explanation"], said["facts"], expected, strict=True):
        target, *effects = line.split()
        parts = [*python.leads, *python.segments, *python.facts, python.ecg]
        whole = [part.probability for part in parts]
        whole.append(float("nan") if python.patient is None else python.patient.probability)
        assert target == python.target
        assert [float(effect) for effect in effects] == pytest.approx(whole, abs=2e-7, nan_ok=True)
        assert facts == f"{' '.join(fact.part for fact in python.facts)}; {' '.join(python.not_removable)}"
    assert said["explained"][0].split()[0] == said["every target"][0] == str(len(native.contract.targets))


@pytest.mark.system
def test_a_call_stops_when_it_is_asked_to(said):
    assert said["in time"] == said["without end"] == ["answered"]
    assert said["no time"] == ["too late too late"]
    assert said["too long"] == ["too late"]
    assert said["stopped"] == said["stopped before"] == ["cancelled"]
    assert said["stopped later"][0].startswith("cancelled")
    assert said["usable"] == said["int16"]
    late, due = said["window that has no time"][0].rsplit(maxsplit=1)
    assert (late, int(due) > 0) == ("too late", True)


@pytest.mark.system
def test_a_stream_goes_on_from_its_state(said):
    assert len(said["saved"]) > 5
    assert said["restored"] == said["saved"]
    assert said["damaged state"][0].startswith("ECG2LAB_ERROR_ARGUMENT: stream: ")


@pytest.mark.system
def test_thread_hooks_are_called_whatever_they_throw(said):
    """The last ones when the last stream is freed; the garbage is collected in between."""
    assert said["with helpers"] == said["int16"]
    assert said["hooks"] == ["begin 1, begin 2", "begin 1, begin 2, end 1, end 2"]


@pytest.mark.system
def test_a_log_is_called_whatever_it_throws(said):
    loaded, refused = said["log"]
    assert loaded.startswith("INFO loaded ")
    assert refused == "WARNING refused: age is outside 0 to 120 y"


@pytest.mark.system
def test_a_stream_is_pythons(said, native, counts):
    samples = counts[0].copy()
    samples[:, 1000] = samples[0, 1000]
    stream = native.stream(fs=500, leads=LEADS, unit="uV", hop_s=2, patient=ecg2lab.Patient(age=63))
    answers = [answer for at in range(0, 5000, 125) for answer in stream.push(samples[:, at : at + 125])]
    windows = {name: values for name, values in said.items() if name.startswith("window ")}
    assert len(answers) > 2
    for answer, (value,) in zip(answers, windows.values(), strict=False):
        assert float(value) == first(answer)
    assert said["refused facts"] == ["ECG2LAB_ERROR_PATIENT: age is outside 0 to 120 y"]
    assert said["received"] == ["5000 I"]
    assert said["reset"] == ["0"]
    assert said["too far behind"][0].startswith("ECG2LAB_ERROR_RECORDING: ")


@pytest.mark.system
def test_nothing_is_used_after_it_is_closed(said):
    """What was begun is answered; later calls are refused; no thread reads memory that was freed."""
    assert said["asked before closing"] == said["int16"]
    asked = ("later", "stream", "judged", "tested", "explained")
    for name in ("after closing", "stream after closing", *(f"{what}, after closing" for what in asked)):
        assert said[name] == ["closed"]
    assert int(said["stream outlives its model"][0]) > 2
    assert said["threads ended"] == ["closed closed closed"] * 5
