"""A C header as facts: macros, enums, structs and calls, read from its text and measured by the compiler."""

import re

from native_tools import CC, STRICT, succeeded

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} \1;", re.DOTALL)
_ENUM = re.compile(r"typedef enum (\w+) \{(.*?)\} \1;", re.DOTALL)
_CALL = re.compile(r"ECG2LAB_API ([^;(]*?)(\w+)\(([^;]*)\);")
_MACRO = re.compile(r"^#define (ECG2LAB_\w+) (\d+)$", re.MULTILINE)


def describe(header, work):
    """Everything that a program compiled against it relies on, by name; offsets and sizes in bytes.

    Parameters
    ----------
    header
        Path of ecg2lab.h.
    work
        Folder for the program that measures.
    """
    text = _COMMENT.sub("", header.read_text())
    structs = {name: _fields(body) for name, body in _STRUCT.findall(text)}
    enums = {name: re.findall(r"(ECG2LAB_\w+)", body) for name, body in _ENUM.findall(text)}
    calls = {
        name: {"returns": " ".join(returned.split()), "arguments": " ".join(arguments.split())}
        for returned, name, arguments in _CALL.findall(text)
    }
    measured = measure(header, structs, enums, work)
    return {
        "macros": {name: int(value) for name, value in _MACRO.findall(text)},
        "enums": {name: {word: measured[word] for word in words} for name, words in enums.items()},
        "structs": {
            name: {
                "size": measured[name],
                "fields": {
                    field: {"type": kind, "offset": measured[f"{name}.{field}"]} for field, kind in fields.items()
                },
            }
            for name, fields in structs.items()
        },
        "calls": calls,
    }


def _fields(body):
    """Name and type of each."""
    declared = [" ".join(line.split()) for line in body.split(";") if line.strip()]
    return {line.rsplit(" ", 1)[1]: line.rsplit(" ", 1)[0] for line in declared}


def measure(header, structs, enums, work):
    """Sizes of structs, offsets of `struct.field`, values of enumerators, as the compiler has them."""
    sizes = [(name, f"sizeof({name})") for name in structs]
    offsets = [(f"{name}.{field}", f"offsetof({name}, {field})") for name in structs for field in structs[name]]
    values = [(word, word) for words in enums.values() for word in words]
    printed = [f'printf("{name} %ld\\n", (long){value});' for name, value in (*sizes, *offsets, *values)]
    program = ["#include <ecg2lab.h>", "#include <stdio.h>", "int main(void) {", *printed, "return 0; }"]
    (work / "measure.c").write_text("\n".join(program) + "\n")
    succeeded(CC, "-std=c99", work / "measure.c", f"-I{header.parent}", "-o", work / "measure")
    lines = (line.split() for line in succeeded(work / "measure").splitlines())
    return {name: int(value) for name, value in lines}


def uses(description):
    """A program that takes every call and every field by the type that it had: another does not compile."""
    lines = ["#include <ecg2lab.h>", ""]
    for name, call in description["calls"].items():
        lines.append(f"{call['returns']} (*const use_{name})({call['arguments']}) = &{name};")
    for struct, layout in description["structs"].items():
        for field, facts in layout["fields"].items():
            kind = facts["type"]
            lines.append(f"{kind}* use_{struct}_{field}({struct}* x);")
            lines.append(f"{kind}* use_{struct}_{field}({struct}* x) {{ return &x->{field}; }}")
    return "\n".join([*lines, "int main(void) { return 0; }"]) + "\n"


def symbols(library):
    """What a shared library shows, with the version of each."""
    lines = succeeded("nm", "-D", "--defined-only", library).splitlines()
    return sorted(line.split()[-1] for line in lines if line.split()[-2] != "A")


def build_cart(release, package, work):
    """cart.c of a release, compiled with its own header and linked with a library of another."""
    flags = (f"-I{release}/include", f"-L{package}/lib", f"-Wl,-rpath,{package}/lib")
    succeeded(CC, "-std=c99", *STRICT, release / "cart.c", *flags, "-lecg2lab", "-o", work / "cart")
    return work / "cart"
