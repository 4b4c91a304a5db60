"""ecg2lab.h in C#: Native.cs, what the library is called with, and Answers.cs, what a program sees of it."""

from __future__ import annotations

from answers import Kind, Member, answer_structs, members, said, texts_of, word_of
from c_header import PREFIX, Call, Enumeration, Header, Struct, Type
from words import csharp_doc, pascal

HEAD = "// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.\n"
INDENT = "        "
HANDLES = {"model": "ModelHandle", "stream": "StreamHandle"}
VALUES = {"size_t": "UIntPtr", "int32_t": "int", "int64_t": "long", "double": "double", "void": "void", "status": "int"}

# How a member is declared, and how it is copied from the native struct.
TYPES = {
    Kind.TEXT: "string",
    Kind.TEXTS: "IReadOnlyList<string>",
    Kind.NUMBER: "double",
    Kind.WHOLE: "long",
    Kind.FLAG: "bool",
    Kind.MAYBE_FLAG: "bool?",
    Kind.CODE: "{of}",
    Kind.INNER: "{of}",
    Kind.ONE: "{of}",
    Kind.LIST: "IReadOnlyList<{of}>",
    Kind.ARRAY: "IReadOnlyList<{of}>",
}
COPIES = {
    Kind.TEXT: "Memory.Text(from.{field})",
    Kind.TEXTS: "Memory.Texts(from.{field}, from.{count})",
    Kind.NUMBER: "from.{field}",
    Kind.WHOLE: "(long)from.{field}",
    Kind.FLAG: "from.{field} == 1",
    Kind.MAYBE_FLAG: "from.{field} < 0 ? (bool?)null : from.{field} == 1",
    Kind.CODE: "({of})from.{field}",
    Kind.INNER: "new {of}(from.{field})",
    Kind.ONE: "Memory.One(from.{field}, (Native.{of} one) => new {of}(one))",
    Kind.LIST: "Memory.List(from.{field}, from.{count}, (Native.{of} one) => new {of}(one))",
    Kind.ARRAY: "Memory.Array(from.{field}, from.{count}, (Native.{of} one) => new {of}(one))",
}


def files(header: Header) -> dict[str, str]:
    """Content by name."""
    return {"Native.cs": _native(header), "Answers.cs": _answers(header)}


# ---- What a program sees ----


def _answers(header: Header) -> str:
    parts = [_enumeration(item) for item in header.enumerations.values()]
    parts.append(_patient(header.structs["patient"]))
    parts += [_answer(header, struct) for struct in answer_structs(header)]
    body = "\n\n".join(parts)
    return f"{HEAD}using System;\nusing System.Collections.Generic;\n\nnamespace Ecg2Lab\n{{\n{body}\n}}\n"


def _enumeration(enumeration: Enumeration) -> str:
    lines = [*csharp_doc(enumeration.comment, "    "), f"    public enum {pascal(enumeration.name)}", "    {"]
    for code in enumeration.codes:
        lines += [*csharp_doc(said(Kind.CODE, code.comment), INDENT), f"{INDENT}{pascal(code.name)} = {code.value},"]
    return "\n".join([*lines, "    }"])


def _patient(struct: Struct) -> str:
    """Facts that a program gives; a number that it does not is NaN."""
    lines = [*csharp_doc("What is known of a patient; null is not known.", "    ")]
    lines += ["    public sealed class Patient", "    {"]
    copies, by_name = [], []
    for field in struct.fields[1:]:
        name = pascal(field.name)
        if field.type == Type("double", 0):
            lines.append(f"{INDENT}public double? {name} {{ get; set; }}")
            copies.append(f"to.{field.name} = {name} ?? double.NaN;")
            by_name.append(f'case "{field.name}": {name} = value; return true;')
        else:
            lines.append(f"{INDENT}public {name}? {name} {{ get; set; }}")
            copies.append(f"to.{field.name} = (int)({name} ?? Ecg2Lab.{name}.Unknown);")
    lines += ["", f"{INDENT}internal void Copy(ref Native.Patient to)", f"{INDENT}{{"]
    lines += [f"{INDENT}    {copy}" for copy in copies]
    lines += [f"{INDENT}}}", ""]
    lines += csharp_doc("A number by its name in ecg2lab.h, such as `spo2_percent`; false: there is no such.", INDENT)
    lines += [f"{INDENT}public bool TrySet(string name, double? value)", f"{INDENT}{{", f"{INDENT}    switch (name)"]
    lines += [f"{INDENT}    {{", *(f"{INDENT}        {case}" for case in by_name)]
    lines += [f"{INDENT}        default: return false;", f"{INDENT}    }}", f"{INDENT}}}", "    }"]
    return "\n".join(lines)


def _answer(header: Header, struct: Struct) -> str:
    name = pascal(struct.name)
    lines = [*csharp_doc(struct.comment, "    "), f"    public sealed class {name}", "    {"]
    copies = []
    for member in members(header, struct):
        lines += csharp_doc(member.comment, INDENT)
        spelled = "Value" if pascal(member.field) == name else pascal(member.field)  # a class has no member of its name
        lines.append(f"{INDENT}public {_spelled(TYPES, member)} {spelled} {{ get; }}")
        copies.append(f"{INDENT}    {spelled} = {_spelled(COPIES, member)};")
        call = word_of(header, member)
        if call:
            lines += csharp_doc(f"`{pascal(member.field)}` in the library's words, a newer one's too.", INDENT)
            lines.append(f"{INDENT}public string {pascal(member.field)}Word {{ get; }}")
            value = f"Memory.Text(Native.{PREFIX}{call}(from.{member.field}))"
            copies.append(f"{INDENT}    {pascal(member.field)}Word = {value};")
    texts = texts_of(header, struct)
    for text, call in texts.items():
        lines += [f"{INDENT}/// <summary>As <c>{PREFIX}{call}</c> gives it.</summary>"]
        lines += [f"{INDENT}public string {pascal(text)} {{ get; }}"]
        copies.append(f"{INDENT}    {pascal(text)} = Memory.Text(Native.{PREFIX}{call}(at));")
    itself = ", IntPtr at" if texts else ""
    lines += ["", f"{INDENT}internal {name}(Native.{name} from{itself})", f"{INDENT}{{", *copies, f"{INDENT}}}"]
    return "\n".join([*lines, "    }"])


def _spelled(table: dict[Kind, str], member: Member) -> str:
    return table[member.kind].format(field=_safe(member.field), count=member.count, of=pascal(member.of))


# ---- What the library is called with ----


def _native(header: Header) -> str:
    structs = [struct for struct in header.structs.values() if struct.fields]
    parts = [f"{INDENT}public const int AbiVersion = {header.abi_version};"]
    parts += [_struct(header, struct) for struct in structs]
    parts += [_callback(header, call) for call in header.callbacks.values()]
    parts.append(f'{INDENT}const string Name = "ecg2lab";  // libecg2lab.so, ecg2lab.dll')
    parts.append("\n".join(_import(header, call) for call in header.calls))
    body = "\n\n".join(parts)
    return (
        f"{HEAD}using System;\nusing System.Runtime.InteropServices;\n\nnamespace Ecg2Lab\n{{\n"
        f"    static class Native\n    {{\n{body}\n    }}\n}}\n"
    )


def _struct(header: Header, struct: Struct) -> str:
    lines = [f"{INDENT}[StructLayout(LayoutKind.Sequential)]", f"{INDENT}public struct {pascal(struct.name)}"]
    lines.append(f"{INDENT}{{")
    lines += [f"{INDENT}    public {_field(header, field.type)} {_safe(field.name)};" for field in struct.fields]
    return "\n".join([*lines, f"{INDENT}}}"])


def _field(header: Header, kind: Type) -> str:
    """Every pointer and callback is an IntPtr."""
    if kind.stars or kind.base in header.callbacks:
        return "IntPtr"
    return VALUES.get(kind.base) or pascal(kind.base)


def _callback(header: Header, call: Call) -> str:
    parameters = ", ".join(f"{_field(header, item.type)} {_safe(item.name)}" for item in call.parameters)
    attribute = f"{INDENT}[UnmanagedFunctionPointer(CallingConvention.Cdecl)]"
    declared = f"{_field(header, call.result)} {pascal(call.name)}Callback({parameters})"
    return f"{attribute}\n{INDENT}public delegate {declared};"


def _import(header: Header, call: Call) -> str:
    frees = call.name == "free" or call.name.endswith("_free")
    parameters = ", ".join(_parameter(header, item.type, frees) + f" {_safe(item.name)}" for item in call.parameters)
    return (
        f"{INDENT}[DllImport(Name, CallingConvention = CallingConvention.Cdecl)]\n"
        f"{INDENT}public static extern {_field(header, call.result)} {PREFIX}{call.name}({parameters});"
    )


def _parameter(header: Header, kind: Type, frees: bool) -> str:
    if kind.stars == 1 and kind.base in header.filled_by_caller:
        return f"ref {pascal(kind.base)}"
    if kind.stars == 1 and kind.base in HANDLES and not frees:
        return HANDLES[kind.base]
    if kind == Type("size_t", 1):
        return "out UIntPtr"
    if kind.stars == 2 and kind.base in header.structs:
        return "out " + HANDLES.get(kind.base, "IntPtr")
    return _field(header, kind)


def _safe(name: str) -> str:
    """Words of the language are no names."""
    return f"@{name}" if name in ("out", "ref", "in", "params", "lock", "event", "object", "string", "double") else name
