package ecg2lab;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** The library's lists, copied. */
final class Lists {
  private Lists() {}

  /** What is behind an array of pointers. */
  static <T> List<T> ofPointers(Pointer pointers, Size count, Function<Pointer, T> copy) {
    List<T> all = new ArrayList<>(count.intValue());
    for (int i = 0; i < count.intValue(); ++i) all.add(copy.apply(pointers.getPointer((long) i * Native.POINTER_SIZE)));
    return Collections.unmodifiableList(all);
  }

  /** Structs one after another. */
  static <T> List<T> ofStructs(Pointer structs, Size count, int size, Function<Pointer, T> copy) {
    List<T> all = new ArrayList<>(count.intValue());
    for (int i = 0; i < count.intValue(); ++i) all.add(copy.apply(structs.share((long) i * size)));
    return Collections.unmodifiableList(all);
  }
}
