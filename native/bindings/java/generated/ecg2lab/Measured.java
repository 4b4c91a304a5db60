// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** A share as it was measured, with its 95 % interval; NaN: it could not be. */
public final class Measured {
  public final double value;
  public final double low;
  public final double high;

  Measured(Declarations.Measured from) {
    value = from.value;
    low = from.low;
    high = from.high;
  }
}
