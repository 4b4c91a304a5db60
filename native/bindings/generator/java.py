"""ecg2lab.h in Java: Declarations.java, what the library is called with, and a file for each type of an answer."""

from __future__ import annotations

from answers import Kind, Member, answer_structs, members, said, texts_of, word_of
from c_header import PREFIX, Call, Enumeration, Header, Struct, Type
from words import camel, java_doc, pascal

HEAD = "// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.\n"
HEAD += "package ecg2lab;\n"
VALUES = {
    "size_t": "Size", "int32_t": "int", "int64_t": "long", "double": "double", "void": "void", "status": "int"
}  # fmt: skip
UNLISTED = "A code of a library that is newer than this file."

TYPES = {
    Kind.TEXT: "String",
    Kind.TEXTS: "List<String>",
    Kind.NUMBER: "double",
    Kind.WHOLE: "long",
    Kind.FLAG: "boolean",
    Kind.MAYBE_FLAG: "Boolean",
    Kind.CODE: "{of}",
    Kind.INNER: "{of}",
    Kind.ONE: "{of}",
    Kind.LIST: "List<{of}>",
    Kind.ARRAY: "List<{of}>",
}
COPIES = {
    Kind.TEXT: "Texts.read(from.{field})",
    Kind.TEXTS: "Texts.readAll(from.{field}, from.{count})",
    Kind.NUMBER: "from.{field}",
    Kind.WHOLE: "from.{field}{whole}",
    Kind.FLAG: "from.{field} == 1",
    Kind.MAYBE_FLAG: "from.{field} < 0 ? null : Boolean.valueOf(from.{field} == 1)",
    Kind.CODE: "{of}.of(from.{field})",
    Kind.INNER: "new {of}(from.{field})",
    Kind.ONE: "from.{field} == null ? null : new {of}(new Declarations.{of}(from.{field}))",
    Kind.LIST: "Lists.ofPointers(from.{field}, from.{count}, at -> new {of}(new Declarations.{of}(at)))",
    Kind.ARRAY: (
        "Lists.ofStructs(from.{field}, from.{count}, new Declarations.{of}().size(),"
        " at -> new {of}(new Declarations.{of}(at)))"
    ),
}


def files(header: Header) -> dict[str, str]:
    """Content by name."""
    made = {f"{pascal(name)}.java": _enumeration(item) for name, item in header.enumerations.items()}
    made |= {f"{pascal(struct.name)}.java": _answer(header, struct) for struct in answer_structs(header)}
    return made | {"Patient.java": _patient(header.structs["patient"]), "Declarations.java": _declarations(header)}


# ---- What a program sees ----


def _enumeration(enumeration: Enumeration) -> str:
    name = pascal(enumeration.name)
    lines = [HEAD, *java_doc(enumeration.comment, ""), f"public enum {name} {{"]
    for code in enumeration.codes:
        lines += [*java_doc(said(Kind.CODE, code.comment), "  "), f"  {code.name}({code.value}),"]
    lines += [
        *java_doc(UNLISTED, "  "),
        "  UNLISTED(Integer.MIN_VALUE);",
        "",
        "  /** The header's number. */",
        "  public final int code;",
        "",
        f"  {name}(int code) {{",
        "    this.code = code;",
        "  }",
        "",
        f"  static {name} of(int code) {{",
        f"    for ({name} one : values()) if (one.code == code) return one;",
        "    return UNLISTED;",
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _patient(struct: Struct) -> str:
    """Facts that a program gives; a number that it does not is NaN."""
    lines = [HEAD, *java_doc("What is known of a patient; null is not known.", ""), "public final class Patient {"]
    copies, by_name = [], []
    for field in struct.fields[1:]:
        name = camel(field.name)
        if field.type == Type("double", 0):
            lines += [f"  private Double {name};"]
            copies.append(f"to.{field.name} = {name} == null ? Double.NaN : {name};")
            by_name += [f'case "{field.name}":', f"  {name} = value;", "  return true;"]
        else:
            lines += [f"  private {pascal(field.name)} {name};"]
            copies.append(f"to.{field.name} = ({name} == null ? {pascal(field.name)}.UNKNOWN : {name}).code;")
    for field in struct.fields[1:]:
        name = camel(field.name)
        kind = "Double" if field.type == Type("double", 0) else pascal(field.name)
        lines += ["", f"  public Patient {name}({kind} value) {{", f"    {name} = value;", "    return this;", "  }"]
    lines += [
        "",
        "  /** A number by its name in ecg2lab.h, such as {@code spo2_percent}; false: there is no such. */",
        "  public boolean trySet(String name, Double value) {",
        "    switch (name) {",
        *(f"      {line}" for line in by_name),
        "      default:",
        "        return false;",
        "    }",
        "  }",
        "",
        "  Declarations.Patient copy() {",
        "    Declarations.Patient to = new Declarations.Patient();",
        "    Library.check(Library.CALLS.ecg2lab_patient_init(to, new Size(to.size())));",
        *(f"    {copy}" for copy in copies),
        "    return to;",
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _answer(header: Header, struct: Struct) -> str:
    name = pascal(struct.name)
    fields: list[str] = []
    copies = []
    whole = {field.name: "" if field.type.base in ("int32_t", "int64_t") else ".longValue()" for field in struct.fields}
    for member in members(header, struct):
        fields += [*java_doc(member.comment, "  "), f"  public final {_spelled(TYPES, member)} {camel(member.field)};"]
        copies.append(f"    {camel(member.field)} = {_spelled(COPIES, member, whole[member.field])};")
        call = word_of(header, member)
        if call:
            fields += java_doc(f"`{camel(member.field)}` in the library's words, a newer one's too.", "  ")
            fields.append(f"  public final String {camel(member.field)}Word;")
            value = f"Texts.read(Library.CALLS.{PREFIX}{call}(from.{member.field}))"
            copies.append(f"    {camel(member.field)}Word = {value};")
    for text, call in texts_of(header, struct).items():
        fields += [f"  /** As {{@code {PREFIX}{call}}} gives it. */", f"  public final String {camel(text)};"]
        copies.append(f"    {camel(text)} = Texts.read(Library.CALLS.{PREFIX}{call}(from.getPointer()));")
    lists = ["import java.util.List;", ""] if any("List<" in line for line in fields) else []
    lines = [HEAD, *lists, *java_doc(struct.comment, ""), f"public final class {name} {{", *fields, ""]
    lines += [f"  {name}(Declarations.{name} from) {{", *copies, "  }", "}"]
    return "\n".join(lines) + "\n"


def _spelled(table: dict[Kind, str], member: Member, whole: str = "") -> str:
    return table[member.kind].format(field=member.field, count=member.count, of=pascal(member.of), whole=whole)


# ---- What the library is called with ----


def _declarations(header: Header) -> str:
    structs = [struct for struct in header.structs.values() if struct.fields]
    imports = ["Callback", "Pointer", "Structure", "Structure.FieldOrder", "ptr.PointerByReference"]
    lines = [HEAD, *(f"import com.sun.jna.{name};" for name in imports), ""]
    lines += java_doc("The structs and calls of ecg2lab.h, field by field. Public for JNA, not for programs.", "")
    lines += ["public final class Declarations {", f"  static final int ABI_VERSION = {header.abi_version};", ""]
    lines += ["  private Declarations() {}"]
    for struct in structs:
        lines += ["", *_struct(header, struct)]
    for call in header.callbacks.values():
        lines += ["", f"  public interface {pascal(call.name)}Callback extends Callback {{"]
        lines += [f"    {_field(header, call.result)} invoke({_parameters(header, call)});", "  }"]
    lines += ["", "  public interface Calls extends com.sun.jna.Library {"]
    calls = ((_field(header, call.result), call.name, _parameters(header, call)) for call in header.calls)
    lines.append("\n\n".join(f"    {result} {PREFIX}{name}({parameters});" for result, name, parameters in calls))
    return "\n".join([*lines, "  }", "}"]) + "\n"


def _struct(header: Header, struct: Struct) -> list[str]:
    name = pascal(struct.name)
    order = ", ".join(f'"{field.name}"' for field in struct.fields)
    lines = [f"  @FieldOrder({{{order}}})", f"  public static final class {name} extends Structure {{"]
    lines += [f"    public {_field(header, field.type)} {field.name};" for field in struct.fields]
    lines += ["", f"    public {name}() {{}}", "", f"    {name}(Pointer at) {{", "      super(at);", "      read();"]
    return [*lines, "    }", "  }"]


def _field(header: Header, kind: Type) -> str:
    """Every pointer and callback is a Pointer."""
    if kind.stars or kind.base in header.callbacks:
        return "Pointer"
    return VALUES.get(kind.base) or pascal(kind.base)


def _parameters(header: Header, call: Call) -> str:
    def spelled(kind: Type) -> str:
        if kind.stars == 1 and kind.base in header.filled_by_caller:
            return pascal(kind.base)
        if kind == Type("size_t", 1):
            return "SizeByReference"
        if kind.stars == 2 and kind.base in header.structs:
            return "PointerByReference"
        return _field(header, kind)

    return ", ".join(f"{spelled(item.type)} {item.name}" for item in call.parameters)
