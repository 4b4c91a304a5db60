// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** One number about the patient. */
public final class Number {
  public final String name;
  public final String unit;
  /** A value outside is refused, or counts as missing: see ecg2lab_options. */
  public final double minimum;
  public final double maximum;
  /** In place of a missing value; NaN: the value must be given. */
  public final double median;

  Number(Declarations.Number from) {
    name = Texts.read(from.name);
    unit = Texts.read(from.unit);
    minimum = from.minimum;
    maximum = from.maximum;
    median = from.median;
  }
}
