// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

/** One category of the patient. */
public final class Category {
  public final String name;
  public final List<String> words;
  /** Index of the word in place of a missing one; -1: it must be given. */
  public final long missingCode;

  Category(Declarations.Category from) {
    name = Texts.read(from.name);
    words = Texts.readAll(from.words, from.word_count);
    missingCode = from.missing_code;
  }
}
