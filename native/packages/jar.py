"""The jar of the Java binding with the library for three machines, and its pom, as Maven's repositories have them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

from archives import files_below, write_zip
from libraries import NATIVE, ROOT, run, shared_library
from versions import AUTHORS, DESCRIPTION, NOTICE, VERSION

SOURCES = NATIVE / "bindings" / "java"
JNA = Path(os.environ.get("JNA_JAR", "/usr/share/java/jna.jar"))
OLDEST_JNA = "5.13.0"
FOLDERS = {"linux-x64": "linux-x86-64", "linux-arm64": "linux-aarch64", "win-x64": "win32-x86-64"}
"""Where JNA looks in a jar for the library of a machine; it unpacks and loads it by itself."""
POM = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ecg2lab</groupId>
  <artifactId>ecg2lab</artifactId>
  <version>{VERSION}</version>
  <packaging>jar</packaging>
  <name>ecg2lab</name>
  <description>{escape(f"{DESCRIPTION}. {NOTICE}")}</description>
  <licenses>
    <license>
      <name>Apache-2.0</name>
      <url>https://www.apache.org/licenses/LICENSE-2.0.txt</url>
    </license>
  </licenses>
  <developers>
    <developer>
      <name>{escape(AUTHORS)}</name>
    </developer>
  </developers>
  <dependencies>
    <dependency>
      <groupId>net.java.dev.jna</groupId>
      <artifactId>jna</artifactId>
      <version>{OLDEST_JNA}</version>
    </dependency>
  </dependencies>
</project>
"""
MANIFEST = f"""\
Manifest-Version: 1.0
Automatic-Module-Name: ecg2lab
Implementation-Title: ecg2lab
Implementation-Version: {VERSION}
Implementation-Vendor: {AUTHORS}

"""


def missing_tool() -> str | None:
    """What must be installed first; None: nothing."""
    there = shutil.which("javac") and JNA.exists()
    return None if there else "Java with JNA (Debian: default-jdk-headless, libjna-java)"


def compile_classes(folder: Path) -> Path:
    """The classes, for Java 8 and newer, in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    sources = sorted(SOURCES.rglob("*.java"))
    run("javac", "--release", 8, "-Xlint:all,-options", "-Werror", "-cp", JNA, "-d", folder, *sources)
    return folder


def make_jar(out: Path, prefixes: dict[str, Path], work: Path) -> list[Path]:
    """Write jar, sources and pom into `out`; `prefixes` says for each machine where its library is installed."""
    about = {
        "META-INF/MANIFEST.MF": MANIFEST.encode(),
        "META-INF/LICENSE": (ROOT / "LICENSE").read_bytes(),
        "META-INF/NOTICE": (ROOT / "NOTICE").read_bytes(),
    }
    members = about | files_below(compile_classes(work / "classes"))
    members["META-INF/maven/ecg2lab/ecg2lab/pom.xml"] = POM.encode()
    members["META-INF/maven/ecg2lab/ecg2lab/pom.properties"] = (
        f"groupId=ecg2lab\nartifactId=ecg2lab\nversion={VERSION}\n".encode()
    )
    for machine, prefix in prefixes.items():
        library = shared_library(prefix, machine)
        members[f"{FOLDERS[machine]}/{library.name}"] = library.read_bytes()
    sources = {f"ecg2lab/{path.name}": path.read_bytes() for path in SOURCES.rglob("*.java")}
    pom = out / f"ecg2lab-{VERSION}.pom"
    pom.parent.mkdir(parents=True, exist_ok=True)
    pom.write_text(POM, encoding="utf-8")
    return [
        write_zip(out / f"ecg2lab-{VERSION}.jar", members),
        write_zip(out / f"ecg2lab-{VERSION}-sources.jar", about | sources),
        pom,
    ]
