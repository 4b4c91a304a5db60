// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public final class Parameter {
  public final String name;
  /** A number is written as in {@code text}; names of leads and facts are those of this interface. */
  public final String value;

  Parameter(Declarations.Parameter from) {
    name = Texts.read(from.name);
    value = Texts.read(from.value);
  }
}
