// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** One code of an enumeration. */
public final class Code {
  public final long code;
  /** As the _name functions give it. */
  public final String name;
  /** ABI version whose header has it first. */
  public final long since;
  /** What a program that does not know it takes it for; the code itself where there is nothing like it. */
  public final long instead;

  Code(Declarations.Code from) {
    code = from.code;
    name = Texts.read(from.name);
    since = from.since;
    instead = from.instead;
  }
}
