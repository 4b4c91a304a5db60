// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** Whatever identifies the recording (patient, order, device): carried to the result untouched, never logged. */
public final class SourceField {
  public final String name;
  public final String value;

  SourceField(Declarations.SourceField from) {
    name = Texts.read(from.name);
    value = Texts.read(from.value);
  }
}
