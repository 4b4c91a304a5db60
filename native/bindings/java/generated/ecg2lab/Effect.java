// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** How much higher the answer stands with a part of the input than without it, calibrated. Since ABI version 4. */
public final class Effect {
  /** Name of the lead or the fact; "ECG" or "patient" of all together. */
  public final String part;
  public final double logit;
  public final double probability;

  Effect(Declarations.Effect from) {
    part = Texts.read(from.part);
    logit = from.logit;
    probability = from.probability;
  }
}
