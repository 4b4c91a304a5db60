package ecg2lab;

import com.sun.jna.Pointer;
import java.util.function.Consumer;

/** A pointer of the library, freed once: when it was closed, and no call uses it any more. */
final class Handle {
  private final Pointer pointer;
  private final Consumer<Pointer> free;
  private final String name;
  private int users = 1; // the owner is one
  private boolean closed;
  private Callbacks callbacks;

  Handle(Pointer pointer, String name, Consumer<Pointer> free, Callbacks callbacks) {
    this.pointer = pointer;
    this.name = name;
    this.free = free;
    this.callbacks = callbacks;
  }

  /** For a call that begins; {@code leave} follows. */
  synchronized Pointer enter() {
    if (closed) throw new IllegalStateException("the " + name + " is closed");
    ++users;
    return pointer;
  }

  synchronized Callbacks callbacks() {
    return callbacks;
  }

  void leave() {
    boolean last;
    synchronized (this) {
      last = --users == 0;
    }
    if (!last) return;
    free.accept(pointer);
    synchronized (this) { // so that they live until here, whatever the compiler makes of it
      callbacks = null;
    }
  }

  void close() {
    synchronized (this) {
      if (closed) return;
      closed = true;
    }
    leave();
  }
}
