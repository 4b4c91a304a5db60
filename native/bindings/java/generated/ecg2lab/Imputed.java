// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** An input that was not given, and what stood in for it. */
public final class Imputed {
  public final String name;
  /** NaN for a category. */
  public final double number;
  /** Null for a number. */
  public final String word;

  Imputed(Declarations.Imputed from) {
    name = Texts.read(from.name);
    number = from.number;
    word = Texts.read(from.word);
  }
}
