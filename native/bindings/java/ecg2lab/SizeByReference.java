package ecg2lab;

import com.sun.jna.Native;
import com.sun.jna.ptr.ByReference;

/** A size_t that the library fills; public for JNA, not for programs. */
public final class SizeByReference extends ByReference {
  public SizeByReference() {
    super(Native.SIZE_T_SIZE);
    getPointer().clear(Native.SIZE_T_SIZE);
  }

  Size value() {
    return new Size(Native.SIZE_T_SIZE == Long.BYTES ? getPointer().getLong(0) : getPointer().getInt(0));
  }
}
