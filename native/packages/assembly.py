"""Ecg2Lab.dll, compiled by Mono for the two frameworks that programs are for."""

from __future__ import annotations

import shutil
from pathlib import Path

from libraries import NATIVE, run
from versions import AUTHORS, DESCRIPTION, VERSION

FRAMEWORKS = {"net472": ".NETFramework,Version=v4.7.2", "netstandard2.0": ".NETStandard,Version=v2.0"}
SOURCES = NATIVE / "bindings" / "csharp"
MONO = Path("/usr/lib/mono")
STANDARD = MONO / "4.5" / "Facades" / "netstandard.dll"
REFERENCES = MONO / "4.7.2-api"


def missing_tool() -> str | None:
    """What must be installed first; None: nothing."""
    there = all(map(shutil.which, ("mcs", "mono"))) and STANDARD.exists() and REFERENCES.exists() and _cecil()
    return None if there else "Mono with its reference assemblies (Debian: mono-devel)"


def compile_assembly(folder: Path, framework: str) -> Path:
    """Ecg2Lab.dll with its documentation, Ecg2Lab.xml, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / "AssemblyInfo.cs"
    about.write_text(_about(framework), encoding="utf-8")
    sources = [about, *sorted(SOURCES.rglob("*.cs"))]
    out, documentation = folder / "Ecg2Lab.dll", folder / "Ecg2Lab.xml"
    compiled = folder / "compiled" / "Ecg2Lab.dll" if framework == "netstandard2.0" else out
    compiled.parent.mkdir(exist_ok=True)
    # Not every code has a comment in the header (1591).
    options = ("-sdk:4.7.2-api", "-target:library", "-optimize+", "-warnaserror", "-nowarn:1591")
    run("mcs", *options, f"-doc:{documentation}", f"-out:{compiled}", *sources)
    if compiled != out:
        tool = folder / "compiled" / "Retarget.exe"
        run("mcs", Path(__file__).with_name("Retarget.cs"), f"-r:{_cecil()}", f"-out:{tool}")
        shutil.copy(_cecil(), tool.parent)
        run("mono", tool, compiled, out, STANDARD)
        shutil.rmtree(compiled.parent)
    about.unlink()
    return out


def _cecil() -> Path | None:
    def version(path: Path) -> list[int]:
        return [int(part) for part in path.parent.name.split("_")[0].split(".")]

    return max((MONO / "gac" / "Mono.Cecil").glob("*/Mono.Cecil.dll"), key=version, default=None)


def _about(framework: str) -> str:
    attributes = {
        "System.Reflection.AssemblyTitle": "Ecg2Lab",
        "System.Reflection.AssemblyProduct": "ecg2lab",
        "System.Reflection.AssemblyDescription": DESCRIPTION,
        "System.Reflection.AssemblyCompany": AUTHORS,
        "System.Reflection.AssemblyVersion": f"{VERSION}.0",
        "System.Reflection.AssemblyFileVersion": f"{VERSION}.0",
        "System.Reflection.AssemblyInformationalVersion": VERSION,
        "System.Runtime.Versioning.TargetFramework": FRAMEWORKS[framework],
    }
    return "".join(f'[assembly: {name}("{value}")]\n' for name, value in attributes.items())
