package ecg2lab;

import com.sun.jna.IntegerType;
import com.sun.jna.Native;

/** size_t; public for JNA, not for programs. */
public final class Size extends IntegerType {
  private static final long serialVersionUID = 1;

  public Size() {
    this(0);
  }

  public Size(long value) {
    super(Native.SIZE_T_SIZE, value, true);
  }
}
