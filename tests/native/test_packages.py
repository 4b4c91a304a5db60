"""What is published for programs in C, C# and Java, unpacked as a user's tools unpack it, and asked there."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from native_tools import CC, EXAMPLES, NATIVE, ROOT, completed, succeeded

import archives
import assembly
import jar
import packages
from nuget import make_nuget

VERSION = importlib.metadata.version("ecg2lab")
MACHINE = "linux-x64"


def need(missing):
    if missing:
        pytest.skip(f"not here: {missing}")


@pytest.fixture
def answers(cart_answers, engine, data_folder, tmp_path):
    """Asserts that a cart gives Python's answer, and needs no path to the library for it."""

    def assert_answers(*command):
        environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        cart_answers.require_pythons_answer(command, engine, data_folder, tmp_path, environment)

    return assert_answers


# ---- C ----


def test_archives_depend_on_their_content_alone(tmp_path):
    """Neither the date, nor the order in which files were written, nor who wrote them."""
    made = []
    for order, date in ((("a", "b"), 1), (("b", "a"), 10**9)):
        folder = tmp_path / order[0]
        folder.mkdir()
        for name in order:
            (folder / name).write_text(name)
            os.utime(folder / name, (date, date))
        made.append(archives.write_tar(folder / "x.tar.gz", folder, "x").read_bytes())
        (folder / "x.tar.gz").unlink()
        made.append(archives.write_zip(folder / "x.zip", archives.files_below(folder)).read_bytes())
    assert made[0] == made[2]
    assert made[1] == made[3]


@pytest.mark.slow
def test_the_archive_of_the_c_library_works_where_it_is_unpacked(c_package, answers, tmp_path):
    archive = archives.write_tar(tmp_path / "ecg2lab.tar.gz", c_package, "ecg2lab")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "elsewhere", filter="data")
    there = tmp_path / "elsewhere" / "ecg2lab"
    assert (there / "lib" / "libecg2lab.so").is_symlink()
    flags = (f"-I{there}/include", f"-L{there}/lib", f"-Wl,-rpath,{there}/lib", "-lecg2lab")
    succeeded(CC, "-std=c99", EXAMPLES / "cart.c", *flags, "-o", tmp_path / "cart")
    answers(tmp_path / "cart")


def test_checksums_are_those_that_sha256sum_reads(tmp_path):
    (tmp_path / "a.whl").write_text("a")
    packages.make_checksums(tmp_path)
    packages.make_checksums(tmp_path)  # not of itself
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 1
    succeeded("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=tmp_path)
    (tmp_path / "a.whl").write_text("b")
    assert completed("sha256sum", "--check", "SHA256SUMS", cwd=tmp_path).returncode != 0


# ---- Conan ----


@pytest.mark.system
def test_conan_creates_the_package_from_the_checkout(cmake, tmp_path):
    """With the profile that Conan guesses; the consumer in native/test_package is built and run (minutes)."""
    conan = shutil.which("conan") or str(ROOT / ".venv-conan" / "bin" / "conan")
    need(None if Path(conan).exists() else "Conan (make .venv-conan/.made)")
    path = os.pathsep.join([str(Path(cmake).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "CONAN_HOME": str(tmp_path)}
    succeeded(conan, "profile", "detect", env=environment)
    options = ("-o", "ecg2lab/*:shared=True", "-c", f"tools.cmake.cmake_layout:test_folder={tmp_path}/consumer")
    done = completed(conan, "create", NATIVE, *options, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    for of in ("", " in C++"):
        assert f"ecg2lab {VERSION}{of}: there is no bundle at absent.ecg2lab" in done.stdout + done.stderr
    assert len(list(tmp_path.glob("p/b/*/p/licenses/LICENSE"))) == 1


# ---- NuGet ----


@pytest.fixture(scope="module")
def nuget(c_package, tmp_path_factory):
    """The package with this machine's library alone, unpacked as NuGet keeps it."""
    need(assembly.missing_tool())
    folder = tmp_path_factory.mktemp("nuget")
    made = make_nuget(folder, {MACHINE: c_package}, folder / "work")
    assert made.name == f"Ecg2Lab.{VERSION}.nupkg"
    there = folder / "packages" / "ecg2lab" / VERSION
    with zipfile.ZipFile(made) as opened:
        opened.extractall(there)
    return there


@pytest.mark.system
def test_the_nuget_package_says_what_it_is(nuget):
    names = {path.relative_to(nuget).as_posix() for path in nuget.rglob("*") if path.is_file()}
    for framework in assembly.FRAMEWORKS:
        assert {f"lib/{framework}/Ecg2Lab.dll", f"lib/{framework}/Ecg2Lab.xml"} <= names
    assert {"LICENSE", "NOTICE", "README.md", f"runtimes/{MACHINE}/native/libecg2lab.so"} <= names
    space = {"n": "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"}
    metadata = ElementTree.parse(nuget / "Ecg2Lab.nuspec").getroot()[0]
    said = {name: metadata.findtext(f"n:{name}", namespaces=space) for name in ("id", "version", "license", "readme")}
    assert said == {"id": "Ecg2Lab", "version": VERSION, "license": "Apache-2.0", "readme": "README.md"}
    assert "not for clinical use" in metadata.findtext("n:description", namespaces=space)
    types = ElementTree.parse(nuget / "[Content_Types].xml").getroot()
    extensions = {item.get("Extension") for item in types} | {item.get("PartName", "/")[1:] for item in types}
    assert {name if "." not in name else name.rpartition(".")[2] for name in names} <= extensions


@pytest.mark.system
def test_the_assembly_of_net_standard_refers_to_nothing_else(nuget):
    """What a name is looked up in; Mono's compiler alone would write mscorlib."""
    need(None if shutil.which("monodis") or shutil.which("ikdasm") else "ikdasm (Debian: mono-devel)")
    listed = succeeded("ikdasm", nuget / "lib" / "netstandard2.0" / "Ecg2Lab.dll")
    assert [line.split()[2] for line in listed.splitlines() if line.startswith(".assembly extern")] == ["netstandard"]


@pytest.mark.system
def test_net_core_finds_the_library_in_the_package(nuget, answers, tmp_path):
    """By the file that a build writes beside a program: which assembly and which library of a package it needs."""
    found = importlib.util.find_spec("dotnetcore2")
    need(None if found else ".NET Core (PyPI: dotnetcore2)")
    dotnet = Path(found.origin).parent / "bin" / "dotnet"
    library = nuget / "lib" / "netstandard2.0" / "Ecg2Lab.dll"
    program = tmp_path / "Cart.exe"
    succeeded("mcs", EXAMPLES / "Cart.cs", f"-r:{library}", f"-r:{assembly.STANDARD}", f"-out:{program}")
    assets = {
        "runtime": {"lib/netstandard2.0/Ecg2Lab.dll": {}},
        "runtimeTargets": {f"runtimes/{MACHINE}/native/libecg2lab.so": {"rid": MACHINE, "assetType": "native"}},
    }
    key = f"Ecg2Lab/{VERSION}"
    target = {"Cart/1": {"dependencies": {"Ecg2Lab": VERSION}, "runtime": {"Cart.exe": {}}}, key: assets}
    libraries = {
        "Cart/1": {"type": "project", "serviceable": False, "sha512": ""},
        key: {"type": "package", "serviceable": True, "sha512": "", "path": f"ecg2lab/{VERSION}"},
    }
    name = ".NETCoreApp,Version=v3.1"
    needed = {"runtimeTarget": {"name": name}, "targets": {name: target}, "libraries": libraries}
    (tmp_path / "Cart.deps.json").write_text(json.dumps(needed))
    framework = {"name": "Microsoft.NETCore.App", "version": "3.1.0"}
    options = {"framework": framework, "configProperties": {"System.Globalization.Invariant": True}}
    (tmp_path / "Cart.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))
    answers(dotnet, "exec", "--additionalprobingpath", nuget.parents[1], program)


PROJECT = """\
<Project DefaultTargets="Build" ToolsVersion="4.0" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <OutputPath>out</OutputPath>
    <AssemblyName>Cart</AssemblyName>
    <TargetFrameworkVersion>v4.7.2</TargetFrameworkVersion>
    <PlatformTarget>{platform}</PlatformTarget>
    <Prefer32Bit>false</Prefer32Bit>
  </PropertyGroup>
  <ItemGroup>
    <Compile Include="{cart}" />
    <Reference Include="Ecg2Lab"><HintPath>{package}/lib/net472/Ecg2Lab.dll</HintPath></Reference>
  </ItemGroup>
  <Import Project="$(MSBuildToolsPath)/Microsoft.CSharp.targets" />
  <Import Project="{package}/build/net472/Ecg2Lab.targets" />
</Project>
"""


@pytest.mark.system
@pytest.mark.parametrize("platform", ["x64", "AnyCPU", "x86"])
def test_a_project_of_net_framework_gets_the_library_beside_its_program(nuget, answers, tmp_path, platform):
    need(None if shutil.which("xbuild") else "xbuild (Debian: mono-devel)")
    text = PROJECT.format(platform=platform, cart=EXAMPLES / "Cart.cs", package=nuget)
    (tmp_path / "Cart.csproj").write_text(text)
    done = completed("xbuild", "/nologo", "/verbosity:quiet", "Cart.csproj", cwd=tmp_path)
    if platform == "x86":
        assert done.returncode != 0
        assert "Ecg2Lab has no library for 32-bit programs" in done.stdout
        return
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "out" / "libecg2lab.so").exists()
    answers("mono", tmp_path / "out" / "Cart.exe")


# ---- Java ----


@pytest.fixture(scope="module")
def java(c_package, tmp_path_factory):
    """The jar with this machine's library alone."""
    need(jar.missing_tool())
    folder = tmp_path_factory.mktemp("jar")
    return jar.make_jar(folder, {MACHINE: c_package}, folder / "work")


@pytest.mark.system
def test_the_jar_brings_the_library(java, answers, tmp_path):
    classpath = f"{java[0]}:{jar.JNA}"
    succeeded("javac", "-cp", classpath, "-d", tmp_path, EXAMPLES / "Cart.java")
    answers("java", "-cp", f"{classpath}:{tmp_path}", "Cart")


@pytest.mark.system
def test_the_jar_says_what_it_is(java):
    made, sources, pom = java
    with zipfile.ZipFile(made) as opened:
        names = opened.namelist()
        assert names[0] == "META-INF/MANIFEST.MF"
        manifest = opened.read(names[0]).decode()
        assert opened.read("META-INF/maven/ecg2lab/ecg2lab/pom.xml") == pom.read_bytes()
        assert opened.read("ecg2lab/Model.class")[7] == 52  # Java 8
    assert {"META-INF/LICENSE", "META-INF/NOTICE", "linux-x86-64/libecg2lab.so"} <= set(names)
    assert f"Implementation-Version: {VERSION}\n" in manifest
    with zipfile.ZipFile(sources) as opened:
        assert {"ecg2lab/Model.java", "ecg2lab/Finding.java"} <= set(opened.namelist())
    space = {"n": "http://maven.apache.org/POM/4.0.0"}
    root = ElementTree.parse(pom).getroot()
    assert root.findtext("n:version", namespaces=space) == VERSION
    assert root.findtext("n:dependencies/n:dependency/n:artifactId", namespaces=space) == "jna"
    assert "not for clinical use" in root.findtext("n:description", namespaces=space)
