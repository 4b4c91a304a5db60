package ecg2lab;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** UTF-8, there and back. */
final class Texts {
  private static final String UTF8 = "UTF-8";

  private Texts() {}

  static String read(Pointer text) {
    return text == null ? null : text.getString(0, UTF8);
  }

  static List<String> readAll(Pointer pointers, Size count) {
    return Lists.ofPointers(pointers, count, Texts::read);
  }

  /** In the library's memory for as long as what is returned is referred to; null for null. */
  static Memory lend(String text) {
    if (text == null) return null;
    if (text.indexOf('\0') >= 0) throw new IllegalArgumentException("a text that is handed to ecg2lab has a zero character");
    byte[] bytes = (text + "\0").getBytes(StandardCharsets.UTF_8);
    Memory memory = new Memory(bytes.length);
    memory.write(0, bytes, 0, bytes.length);
    return memory;
  }

  /** Pointers to texts, one after another; likewise. */
  static Memory lend(List<String> texts) {
    texts.forEach(Texts::lend); // for what it refuses
    return new StringArray(texts.toArray(new String[0]), UTF8);
  }
}
