"""Kernels for a CPU that is not at hand, run where Bochs emulates it: Linux starts one program and nothing else."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from native_tools import NATIVE, ROOT, succeeded

pytestmark = pytest.mark.system
KERNEL = ROOT / "build" / "kernel"
TOOLS = {
    "bochs-bin": "bochs",
    "grub-mkrescue": "grub-common",
    "xorriso": "xorriso",
    "cpio": "cpio",
    "script": "bsdutils",
}
FILES = {
    "/usr/share/bochs/BIOS-bochs-latest": "bochsbios",
    "/usr/share/bochs/VGABIOS-lgpl-latest": "vgabios",
    "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so": "bochs-term",
    "/usr/lib/grub/i386-pc/linux.mod": "grub-pc-bin",
}
MODEL = "corei7_icelake_u"
"""Of Bochs 2.7, with AVX-512 and AVX512_VNNI. None of its models has AVX512_BF16 or AVX-VNNI."""

# What the emulated CPU says of these is wrong (the room that XSAVE needs) or stops the kernel (FSRM).
UNSOUND = "xsaves,xsavec,pku,fsrm"
# The program's end is the kernel's: it panics, restarts by a triple fault, and Bochs gives up at that.
BOOT = f"""\
set timeout=0
linux /kernel console=ttyS0,115200 loglevel=3 panic=-1 reboot=t clearcpuid={UNSOUND}
initrd /initrd
boot
"""
MACHINE = """\
config_interface: textconfig
display_library: term
megs: 256
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={model}, ips=50000000, reset_on_triple_fault=0
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={folder}/disc, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/serial
log: {folder}/log
panic: action=fatal
"""


@pytest.fixture(scope="module")
def kernel():
    """The kernel of Debian that `make test-system` unpacks; skips without it or without a package."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    missing += [package for file, package in FILES.items() if not Path(file).exists()]
    if missing:
        pytest.skip(f"no CPU can be emulated here (Debian: {' '.join(missing)})")
    kernels = sorted(KERNEL.glob("boot/vmlinuz-*"))
    if not kernels:
        pytest.skip("no kernel for emulated CPUs here (make test-system downloads Debian's linux-image-cloud-amd64)")
    return kernels[-1]


@pytest.fixture(scope="module")
def program(cmake, tmp_path_factory):
    """`native/tests/instruction_sets.cpp`, with all its libraries inside."""
    made = tmp_path_factory.mktemp("build")
    options = ("-DECG2LAB_TESTS=ON", "-DECG2LAB_INSTALL_C=OFF", "-DCMAKE_EXE_LINKER_FLAGS=-static")
    succeeded(cmake, "-S", NATIVE, "-B", made, *options)
    succeeded(cmake, "--build", made, "--parallel", os.cpu_count(), "--target", "test_instruction_sets")
    return made / "test_instruction_sets"


def make_disc(kernel, program, folder):
    (folder / "root").mkdir()
    (folder / "files" / "boot" / "grub").mkdir(parents=True)
    shutil.copy(program, folder / "root" / "init")
    shutil.copy(kernel, folder / "files" / "kernel")
    (folder / "files" / "boot" / "grub" / "grub.cfg").write_text(BOOT)
    succeeded("cpio", "-o", "-H", "newc", "-O", folder / "files" / "initrd", input="init\n", cwd=folder / "root")
    succeeded("grub-mkrescue", "-o", folder / "disc", folder / "files")


def emulate(folder):
    """What the program prints. Bochs wants a terminal; that it gives up in the end is as it should be."""
    (folder / "machine").write_text(MACHINE.format(model=MODEL, folder=folder))
    (folder / "commands").write_text("continue\n")  # Debian's begins in a debugger
    bochs = f"stty rows 30 columns 90; exec bochs-bin -q -f {folder}/machine -rc {folder}/commands"
    environment = {**os.environ, "TERM": "xterm"}
    succeeded("script", "-qfc", bochs, folder / "screen", env=environment, stdin=subprocess.DEVNULL, timeout=1500)
    return (folder / "serial").read_text(errors="replace")


def test_instruction_sets_that_this_cpu_lacks_agree_with_the_portable_one(kernel, program, tmp_path):
    """`native/tests/instruction_sets.cpp` has the properties and their tolerances."""
    make_disc(kernel, program, tmp_path)
    printed = emulate(tmp_path)
    assert re.search(r"^0 failed", printed, re.MULTILINE), printed
    for tested in ("avx512 preparation", "avx512 fp32", "avx512 int8"):
        assert f"{tested}:" in printed
