// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public final class Check {
  /** "logits" or "features". */
  public final String quantity;
  /** Windows that were computed at once. */
  public final long batch;
  /** The largest; of logits absolute, or relative beyond 20; of features relative. */
  public final double error;
  public final double tolerance;
  /** True: yes. */
  public final boolean passed;

  Check(Declarations.Check from) {
    quantity = Texts.read(from.quantity);
    batch = from.batch.longValue();
    error = from.error;
    tolerance = from.tolerance;
    passed = from.passed == 1;
  }
}
