"""The NuGet package Ecg2Lab: the assembly for two frameworks, and the library for three machines."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from archives import write_zip
from assembly import FRAMEWORKS, compile_assembly
from libraries import NATIVE, ROOT, shared_library
from versions import AUTHORS, DESCRIPTION, NOTICE, VERSION

HERE = Path(__file__).parent
SPECIFICATION = f"""\
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata minClientVersion="3.3">
    <id>Ecg2Lab</id>
    <version>{VERSION}</version>
    <authors>{escape(AUTHORS)}</authors>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <license type="expression">Apache-2.0</license>
    <licenseUrl>https://licenses.nuget.org/Apache-2.0</licenseUrl>
    <readme>README.md</readme>
    <description>{escape(f"{DESCRIPTION}. {NOTICE}")}</description>
    <tags>ECG laboratory native</tags>
    <dependencies>
      <group targetFramework=".NETFramework4.7.2" />
      <group targetFramework=".NETStandard2.0" />
    </dependencies>
  </metadata>
</package>
"""
# What makes a zip a package of the Open Packaging Conventions.
CONTENT_TYPES = """\
<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="dll" ContentType="application/octet" />
  <Default Extension="so" ContentType="application/octet" />
  <Default Extension="xml" ContentType="application/octet" />
  <Default Extension="targets" ContentType="application/octet" />
  <Default Extension="md" ContentType="application/octet" />
  <Override PartName="/LICENSE" ContentType="application/octet" />
  <Override PartName="/NOTICE" ContentType="application/octet" />
</Types>
"""
RELATIONS = """\
<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Id="Rmanifest" Target="/Ecg2Lab.nuspec"
    Type="http://schemas.microsoft.com/packaging/2010/07/manifest" />
</Relationships>
"""


def make_nuget(out: Path, prefixes: dict[str, Path], work: Path) -> Path:
    """Write Ecg2Lab.VERSION.nupkg into `out`; `prefixes` says for each machine where its library is installed."""
    members = {
        "Ecg2Lab.nuspec": SPECIFICATION.encode(),
        "[Content_Types].xml": CONTENT_TYPES.encode(),
        "_rels/.rels": RELATIONS.encode(),
        "README.md": (NATIVE / "bindings" / "README.md").read_bytes(),
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "NOTICE": (ROOT / "NOTICE").read_bytes(),
        # The second is for programs that use a library that uses this one.
        "build/net472/Ecg2Lab.targets": (HERE / "Ecg2Lab.targets").read_bytes(),
        "buildTransitive/net472/Ecg2Lab.targets": (HERE / "Ecg2Lab.targets").read_bytes(),
    }
    for framework in FRAMEWORKS:
        assembly = compile_assembly(work / framework, framework)
        for path in (assembly, assembly.with_suffix(".xml")):
            members[f"lib/{framework}/{path.name}"] = path.read_bytes()
    for machine, prefix in prefixes.items():
        library = shared_library(prefix, machine)
        members[f"runtimes/{machine}/native/{library.name}"] = library.read_bytes()
    return write_zip(out / f"Ecg2Lab.{VERSION}.nupkg", members)
